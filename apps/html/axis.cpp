#include "apps/html/axis.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace xr::html {

namespace {

bool continues_character(char c) {
  return (static_cast<unsigned char>(c) & 0xC0u) == 0x80u;
}

double round_step(double step, bool integers) {
  const double power = std::pow(10.0, std::floor(std::log10(step)));
  const double fraction = step / power;
  const double rounded = (fraction <= 1.0001   ? 1.0
                          : fraction <= 2.0001 ? 2.0
                          : fraction <= 5.0001 ? 5.0
                                               : 10.0) *
                         power;
  return integers ? std::max(1.0, std::round(rounded)) : rounded;
}

std::string tick_text(double value, double step, const Axis& axis) {
  if (axis.powers_of_ten) return fmt::format("1e{:.4g}", value);
  const bool percent = axis.percent;
  const double factor = percent ? 100.0 : 1.0;
  const double size = std::max(std::abs(value), step) * factor;
  if (size >= 1e6 || step * factor < 1e-4) return fmt::format("{:.4g}", value * factor);
  const int decimals = std::max(0, static_cast<int>(std::ceil(-std::log10(step * factor) - 1e-9)));
  const std::string text = fmt::format("{:.{}f}", value * factor + 0.0, decimals);
  return percent ? text + "%" : text;
}

}  // namespace

Scale make_scale(const Axis& axis, const std::vector<double>& values, int max_ticks) {
  double low = INFINITY, high = -INFINITY;
  for (const double value : values) {
    if (!std::isfinite(value) || std::abs(value) > 1e300) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if (low > high) {
    low = axis.low.value_or(0.0);
    high = axis.high.value_or(low + 1.0);
  }
  low = axis.low.value_or(low);
  high = axis.high.value_or(high);
  if (!(high > low)) {  // one value only
    const double margin = std::max(std::abs(low) * 0.1, axis.integers ? 1.0 : 0.1);
    if (!axis.high) high = low + margin;
    if (!(high > low)) high = std::nextafter(low + margin, INFINITY);
    if (!axis.low && low != 0.0) low -= margin;
  }
  double step = round_step((high - low) / std::max(1, max_ticks - 1), axis.integers);
  Scale scale{low, high, {}};
  const auto round_out = [&] {
    if (!axis.low) scale.low = std::floor(low / step + 1e-9) * step;
    if (!axis.high) scale.high = std::ceil(high / step - 1e-9) * step;
  };
  round_out();
  if ((scale.high - scale.low) / step > max_ticks - 1 + 1e-6) {
    step = round_step(step * 1.5, axis.integers);
    round_out();
  }
  const double first = std::ceil(scale.low / step - 1e-9) * step;
  for (int i = 0; i <= max_ticks; ++i) {
    const double value = first + i * step;
    if (value > scale.high + 1e-9 * step) break;
    scale.ticks.push_back({value, tick_text(std::abs(value) < 1e-9 * step ? 0.0 : value, step, axis)});
  }
  return scale;
}

double text_width(const std::string& text) {
  double width = 0.0;
  for (const char c : text) {
    if (continues_character(c)) continue;
    const bool narrow = std::string_view(" .,:;'|()[]ilftj").find(c) != std::string_view::npos;
    const bool wide =
        static_cast<unsigned char>(c) >= 0x80 || std::string_view("mwMW%@").find(c) != std::string_view::npos;
    width += narrow ? 4.8 : wide ? 12.0 : c >= 'A' && c <= 'Z' ? 9.3 : 7.7;
  }
  return width;
}

std::string fitted(const std::string& text, double width) {
  if (text_width(text) <= width) return text;
  std::string result = text;
  while (!result.empty() && text_width(result) + 10.0 > width) {
    while (result.size() > 1 && continues_character(result.back())) result.pop_back();
    result.pop_back();
  }
  return result + "\xE2\x80\xA6";
}

}  // namespace xr::html
