#include "apps/html/plot.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace xr::html {

std::string px(double value) {
  return fmt::format("{:.1f}", std::clamp(value, -1e4, 1e4));
}

int style_of(std::size_t series) {
  return static_cast<int>(series % 6);
}

std::string mark(std::size_t series, double x, double y) {
  const int style = style_of(series);
  const auto at = [&](const char* shape) {
    return fmt::format("<path class=\"f{}\" d=\"M{} {}{}z\"/>", style, px(x), px(y), shape);
  };
  switch (style) {
    case 0:
      return fmt::format("<circle class=\"f0\" cx=\"{}\" cy=\"{}\" r=\"3.2\"/>", px(x), px(y));
    case 1:
      return at("m-3-3h6v6h-6");
    case 2:
      return at("m0-4 4 4-4 4-4-4");
    case 3:
      return at("m0-4 3.8 6.6h-7.6");
    case 4:
      return at("m0 4 3.8-6.6h-7.6");
    default:
      return at("m-1.2-4h2.4v2.8h2.8v2.4h-2.8v2.8h-2.4v-2.8h-2.8v-2.4h2.8");
  }
}

std::string text(double x, double y, const char* anchor, const std::string& content, const char* class_name) {
  return fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"{}\"{}>{}</text>", px(x), px(y), anchor,
                     *class_name == '\0' ? "" : fmt::format(" class=\"{}\"", class_name), escape(content));
}

LegendEntry line_entry(std::size_t series, const Series& what) {
  const int style = style_of(series);
  std::string sample;
  if (!what.low.empty() && !what.whiskers)
    sample += fmt::format("<path class=\"band f{}\" d=\"M0 0h30v12h-30z\"/>", style);
  if (what.line) sample += fmt::format("<path class=\"s c{0} d{0}\" d=\"M0 6h30\"/>", style);
  if (what.marks || !what.line) sample += mark(series, 15, 6);
  return {what.name, sample};
}

LegendEntry reference_entry(const std::string& name) {
  return {name, "<path class=\"reference\" d=\"M0 6h30\"/>"};
}

Markup figure(const std::string& title, const std::vector<LegendEntry>& legend, double height,
              const std::string& svg, const std::string& note) {
  Markup caption, keys;
  if (!title.empty()) caption += element("b", title);
  for (const LegendEntry& entry : legend) {
    if (entry.name.empty()) continue;
    keys += element(
        "span",
        Markup::raw(fmt::format(
            R"(<svg viewBox="0 0 30 12" width="30" height="12" aria-hidden="true">{}</svg>)", entry.sample)) +
            entry.name);
  }
  if (!keys.empty()) caption += element("span", keys, "class=\"legend\"");
  Markup content;
  if (!caption.empty()) content += element("figcaption", caption);
  content += Markup::raw(fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">{}</svg>",
                                     chart_width, px(height), escape(title.empty() ? "chart" : title), svg));
  if (!note.empty()) content += element("figcaption", element("small", note));
  return element("figure", content, "class=\"chart\"");
}

Markup empty_figure(const std::string& title, const std::string& note) {
  return figure(title, {}, 60, text(chart_width / 2, 34, "middle", "no values to show"), note);
}

Plot::Plot(const Axis& x_axis, const Axis& y_axis, const std::vector<double>& x_values,
           const std::vector<double>& y_values, bool square) {
  y_scale = make_scale(y_axis, y_values, 6);
  double label = 0.0;
  for (const Tick& tick : y_scale.ticks) label = std::max(label, text_width(tick.text));
  left = label + 12.0;
  top = y_axis.label.empty() ? 10.0 : 26.0;
  // Fewer ticks until their texts have room beside each other.
  for (int most = 7; most >= 2; --most) {
    x_scale = make_scale(x_axis, x_values, most);
    double widest = 0.0;
    for (const Tick& tick : x_scale.ticks) widest = std::max(widest, text_width(tick.text));
    right = chart_width - std::max(8.0, widest / 2.0 + 2.0);
    if (static_cast<double>(x_scale.ticks.size()) * (widest + 10.0) <= right - left + widest) break;
  }
  bottom = top + (square ? right - left : 180.0);
  height = bottom + (x_axis.label.empty() ? 24.0 : 42.0);
  for (const Tick& tick : y_scale.ticks) {
    const double at = y(tick.value);
    svg_ += fmt::format("<path class=\"grid\" d=\"M{} {}H{}\"/>", px(left), px(at), px(right));
    svg_ += text(left - 6, at + 4, "end", tick.text);
  }
  for (const Tick& tick : x_scale.ticks) {
    const double at = x(tick.value);
    svg_ += fmt::format("<path class=\"axis\" d=\"M{} {}v4\"/>", px(at), px(bottom));
    svg_ += text(at, bottom + 17, "middle", tick.text);
  }
  svg_ += fmt::format("<path class=\"axis\" d=\"M{} {}V{}H{}\"/>", px(left), px(top), px(bottom), px(right));
  if (!y_axis.label.empty()) svg_ += text(2, 13, "start", fitted(y_axis.label, chart_width - 4));
  if (!x_axis.label.empty())
    svg_ += text((left + right) / 2, bottom + 35, "middle", fitted(x_axis.label, right - left));
}

void Plot::vertical(double x_value) {
  if (!std::isfinite(x_value) || x_value < x_scale.low || x_value > x_scale.high) return;
  svg_ += fmt::format("<path class=\"reference\" d=\"M{} {}V{}\"/>", px(x(x_value)), px(top), px(bottom));
}

}  // namespace xr::html
