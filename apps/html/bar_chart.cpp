// Bars and histograms.
#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "apps/html/plot.h"
#include "kernels/common/error.h"

namespace xr::html {

namespace {

std::string value_text(const Bar& bar, const Axis& axis) {
  if (!bar.text.empty()) return bar.text;
  if (!std::isfinite(bar.value)) return "undefined";
  return axis.percent    ? fmt::format("{:.1f}%", 100.0 * bar.value)
         : axis.integers ? fmt::format("{:.0f}", bar.value)
                         : fmt::format("{:.3g}", bar.value);
}

}  // namespace

Markup chart(const BarChart& chart) {
  if (chart.bars.empty()) return empty_figure(chart.title, chart.note);
  constexpr double row = 42.0, top = 4.0, left = 4.0, widest_text = 170.0;
  Axis axis = chart.axis;
  std::vector<double> values{axis.low.value_or(0.0)};
  double label = 0.0;
  for (const Bar& bar : chart.bars) {
    if (bar.low < bar.high) values.insert(values.end(), {bar.low, bar.high});
    values.push_back(bar.value);
    label = std::max(label, text_width(fitted(value_text(bar, axis), widest_text)));
  }
  Scale scale;
  const double right = chart_width - std::max(label + 8.0, 20.0);
  for (int most = 6; most >= 2; --most) {
    scale = make_scale(axis, values, most);
    double tick_width = 0.0;
    for (const Tick& tick : scale.ticks) tick_width = std::max(tick_width, text_width(tick.text));
    if (static_cast<double>(scale.ticks.size()) * (tick_width + 10.0) <= right - left + tick_width) break;
  }
  const auto x = [&](double value) {
    return left + (right - left) * std::clamp(scale.fraction(value), 0.0, 1.0);
  };
  const double bottom = top + row * static_cast<double>(chart.bars.size());
  std::string svg;
  // Beside the bars only, so that no line crosses a name.
  const auto vertical = [&](const char* style, double at) {
    std::string path;
    for (std::size_t i = 0; i < chart.bars.size(); ++i)
      path += fmt::format("M{} {}v20", px(at), px(top + row * static_cast<double>(i) + 17));
    svg += fmt::format("<path class=\"{}\" d=\"{}\"/>", style, path);
  };
  for (const Tick& tick : scale.ticks) {
    vertical("grid", x(tick.value));
    const double width = text_width(tick.text), at = std::max(x(tick.value), width / 2.0);
    svg += text(at, bottom + 17, "middle", tick.text);
  }
  std::vector<LegendEntry> legend;
  for (std::size_t i = 0; i < chart.bars.size(); ++i) {
    const Bar& bar = chart.bars[i];
    const double y = top + row * static_cast<double>(i), base = x(std::max(0.0, scale.low));
    svg += text(left, y + 14, "start", fitted(bar.name, chart_width - 8), "value");
    if (std::isfinite(bar.value)) {
      const double from = std::min(base, x(bar.value)), to = std::max(base, x(bar.value));
      svg += fmt::format("<path class=\"f0\" opacity=\".75\" d=\"M{} {}h{}v14h{}z\"/>", px(from), px(y + 20),
                         px(std::max(1.0, to - from)), px(-std::max(1.0, to - from)));
    }
    if (bar.low < bar.high && std::isfinite(bar.low) && std::isfinite(bar.high))
      svg += fmt::format("<path class=\"whisker\" d=\"M{0} {2}v8m0-4H{1}m0-4v8\"/>", px(x(bar.low)),
                         px(x(bar.high)), px(y + 23));
    svg += text(right + 8, y + 31, "start", fitted(value_text(bar, axis), widest_text), "value");
  }
  for (const VerticalLine& line : chart.lines) {
    if (std::isfinite(line.x) && line.x >= scale.low && line.x <= scale.high)
      vertical("reference", x(line.x));
    legend.push_back(reference_entry(line.name));
  }
  double height = bottom + 24;
  if (!axis.label.empty()) {
    svg += text(left, bottom + 35, "start", fitted(axis.label, chart_width - 8));
    height += 18;
  }
  return figure(chart.title, legend, height, svg, chart.note);
}

Markup chart(const Histogram& chart) {
  std::vector<double> counts{0.0};
  for (const Histogram::Counts& series : chart.series) {
    XR_CHECK(series.counts.size() + 1 == chart.edges.size(), "{} counts between {} edges of a histogram",
             series.counts.size(), chart.edges.size());
    counts.insert(counts.end(), series.counts.begin(), series.counts.end());
  }
  const bool any = std::ranges::any_of(counts, [](double count) { return count > 0.0; });
  if (!any || std::ranges::any_of(chart.edges, [](double edge) { return !std::isfinite(edge); }))
    return empty_figure(chart.title, chart.note);
  Axis y = chart.y;
  if (!y.low) y.low = 0.0;
  Plot plot(chart.x, y, chart.edges, counts, false);
  std::vector<LegendEntry> legend;
  for (std::size_t s = 0; s < chart.series.size(); ++s) {
    const Histogram::Counts& series = chart.series[s];
    std::string path = fmt::format("M{} {}", px(plot.x(chart.edges.front())), px(plot.bottom));
    for (std::size_t i = 0; i < series.counts.size(); ++i) {
      const double count = std::isfinite(series.counts[i]) ? std::max(0.0, series.counts[i]) : 0.0;
      path += fmt::format("V{}H{}", px(std::max(plot.top, plot.y(count))), px(plot.x(chart.edges[i + 1])));
    }
    path += fmt::format("V{}", px(plot.bottom));
    plot.draw(fmt::format("<path class=\"band f{0}\" d=\"{1}z\"/><path class=\"s c{0} d{0}\" d=\"{1}\"/>",
                          style_of(s), path));
    Series sample;
    sample.name = series.name;
    sample.low = {0.0};
    legend.push_back(line_entry(s, sample));
  }
  for (const VerticalLine& line : chart.lines) {
    plot.vertical(line.x);
    legend.push_back(reference_entry(line.name));
  }
  return figure(chart.title, legend, plot.height, plot.svg(), chart.note);
}

}  // namespace xr::html
