#include "apps/html/chart.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

#include "apps/html/plot.h"
#include "kernels/common/error.h"

namespace xr::html {

namespace {

bool drawable(double x, double y) {
  return std::isfinite(x) && std::isfinite(y) && std::abs(x) < 1e300 && std::abs(y) < 1e300;
}

void check(const Series& series) {
  const auto fits = [&](std::size_t size) { return size == 0 || size == series.y.size(); };
  XR_CHECK(series.x.size() == series.y.size() && fits(series.low.size()) &&
               series.low.size() == series.high.size(),
           "the series {} has {} x, {} y, {} low and {} high values: they must be as many", series.name,
           series.x.size(), series.y.size(), series.low.size(), series.high.size());
}

/// Clamped to the plot, so that an axis that was given cuts what lies beyond it.
std::string point(const Plot& plot, double x, double y) {
  return px(std::clamp(plot.x(x), plot.left, plot.right)) + " " +
         px(std::clamp(plot.y(y), plot.top, plot.bottom));
}

void draw_band(Plot& plot, const Series& series, int style) {
  std::string there, back;
  const auto close = [&] {
    if (!there.empty()) plot.draw(fmt::format("<path class=\"band f{}\" d=\"M{}{}z\"/>", style, there, back));
    there.clear();
    back.clear();
  };
  for (std::size_t i = 0; i < series.x.size(); ++i) {
    if (!drawable(series.x[i], series.low[i]) || !drawable(series.x[i], series.high[i])) {
      close();
      continue;
    }
    there += fmt::format("{}{}", there.empty() ? "" : "L", point(plot, series.x[i], series.low[i]));
    back = fmt::format("L{}{}", point(plot, series.x[i], series.high[i]), back);
  }
  close();
}

void draw_whiskers(Plot& plot, const Series& series) {
  for (std::size_t i = 0; i < series.x.size(); ++i) {
    if (!drawable(series.x[i], series.low[i]) || !drawable(series.x[i], series.high[i])) continue;
    plot.draw(fmt::format("<path class=\"whisker\" d=\"M{}L{}\"/>", point(plot, series.x[i], series.low[i]),
                          point(plot, series.x[i], series.high[i])));
  }
}

void draw_line(Plot& plot, std::size_t index, const Series& series) {
  const int style = style_of(index);
  std::string path, marks;
  bool pen_down = false;
  std::size_t drawn = 0;
  for (std::size_t i = 0; i < series.x.size(); ++i) {
    if (!drawable(series.x[i], series.y[i])) {
      pen_down = false;
      continue;
    }
    path += fmt::format("{}{}", pen_down ? "L" : "M", point(plot, series.x[i], series.y[i]));
    pen_down = true;
    ++drawn;
    if (series.y[i] >= plot.y_scale.low && series.y[i] <= plot.y_scale.high)
      marks += mark(index, plot.x(series.x[i]), plot.y(series.y[i]));
  }
  if (series.line && drawn > 1)
    plot.draw(fmt::format("<path class=\"s c{0} d{0}\" d=\"{1}\"/>", style, path));
  if (series.marks || !series.line || drawn == 1) plot.draw(marks);
}

void draw_counts(std::string& svg, const Plot& plot, const Series& bins,
                 const std::vector<std::int64_t>& counts, double top) {
  constexpr double extent = 34.0, width = 14.0;
  const double most = static_cast<double>(*std::ranges::max_element(counts));
  svg += text(2, top + 10, "start", "images");
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (!std::isfinite(bins.x[i]) || counts[i] <= 0 || most <= 0) continue;
    const double tall = std::max(1.0, extent * static_cast<double>(counts[i]) / most);
    const double x = std::clamp(plot.x(bins.x[i]) - width / 2, plot.left, plot.right - width);
    svg += fmt::format(
        "<path class=\"f0\" opacity=\".6\" d=\"M{} {}v{}h{}v{}z\"><title>{} images</title></path>", px(x),
        px(top + 16 + extent), px(-tall), px(width), px(tall), counts[i]);
  }
  svg += fmt::format("<path class=\"axis\" d=\"M{} {}H{}\"/>", px(plot.left), px(top + 16 + extent),
                     px(plot.right));
}

Markup draw(const LineChart& chart, const std::vector<std::int64_t>& counts) {
  std::vector<double> xs, ys;
  std::vector<LegendEntry> legend;
  bool any = false;
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    const Series& series = chart.series[i];
    check(series);
    for (std::size_t p = 0; p < series.x.size(); ++p) {
      if (!drawable(series.x[p], series.y[p])) continue;
      any = true;
      xs.push_back(series.x[p]);
      ys.push_back(series.y[p]);
      if (series.low.empty()) continue;
      ys.push_back(series.low[p]);
      ys.push_back(series.high[p]);
    }
    legend.push_back(line_entry(i, series));
  }
  if (!any) return empty_figure(chart.title, chart.note);
  if (chart.diagonal && !chart.diagonal_name.empty()) legend.push_back(reference_entry(chart.diagonal_name));
  for (const VerticalLine& line : chart.lines) legend.push_back(reference_entry(line.name));

  Plot plot(chart.x, chart.y, xs, ys, chart.square);
  if (chart.diagonal)
    plot.draw(fmt::format("<path class=\"reference\" d=\"M{}L{}\"/>", point(plot, 0, 0), point(plot, 1, 1)));
  for (const VerticalLine& line : chart.lines) plot.vertical(line.x);
  for (std::size_t i = 0; i < chart.series.size(); ++i)
    if (!chart.series[i].low.empty() && !chart.series[i].whiskers)
      draw_band(plot, chart.series[i], style_of(i));
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    if (!chart.series[i].low.empty() && chart.series[i].whiskers) draw_whiskers(plot, chart.series[i]);
    draw_line(plot, i, chart.series[i]);
  }
  std::string svg = plot.svg();
  double height = plot.height;
  if (!counts.empty()) {
    draw_counts(svg, plot, chart.series.front(), counts, plot.height);
    height += 56;
  }
  return figure(chart.title, legend, height, svg, chart.note);
}

}  // namespace

Markup chart(const LineChart& chart) {
  return draw(chart, {});
}

Markup roc_chart(const std::string& title, const std::vector<Series>& series, const std::string& note) {
  LineChart chart;
  chart.title = title;
  chart.x = {"1 - specificity (share of false alarms)", 0.0, 1.0, false, true};
  chart.y = {"sensitivity (share found)", 0.0, 1.0, false, true};
  chart.series = series;
  chart.diagonal = chart.square = true;
  chart.diagonal_name = "chance";
  chart.note = note;
  return draw(chart, {});
}

Markup calibration_chart(const std::string& title, const Series& bins,
                         const std::vector<std::int64_t>& counts, const std::string& note) {
  XR_CHECK(counts.empty() || counts.size() == bins.x.size(), "{} counts for {} bins of a calibration chart",
           counts.size(), bins.x.size());
  LineChart chart;
  chart.title = title;
  chart.x = {"predicted probability", 0.0, 1.0, false, true};
  chart.y = {"observed share", 0.0, 1.0, false, true};
  chart.series = {bins};
  chart.series.front().marks = chart.series.front().whiskers = true;
  chart.diagonal = chart.square = true;
  chart.diagonal_name = "perfectly calibrated";
  chart.note = note;
  return draw(chart, counts);
}

}  // namespace xr::html
