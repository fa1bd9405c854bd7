// The frame of a chart: axes, grid, labels, legend. For chart.cpp and bar_chart.cpp.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apps/html/chart.h"

namespace xr::html {

/// Length in pixels, to 0.1.
[[nodiscard]] std::string px(double value);

/// Style of series i: colours and dashes repeat after six.
[[nodiscard]] int style_of(std::size_t series);
/// A mark of series i centred at a point: circle, square, diamond, triangle, ... .
[[nodiscard]] std::string mark(std::size_t series, double x, double y);
[[nodiscard]] std::string text(double x, double y, const char* anchor, const std::string& content,
                               const char* class_name = "");

struct LegendEntry {
  std::string name, sample;  ///< the sample is SVG in a box of 30 x 12
};
[[nodiscard]] LegendEntry line_entry(std::size_t series, const Series& what);
[[nodiscard]] LegendEntry reference_entry(const std::string& name);

/// <figure> with title, legend, an SVG of 380 x height, and a note.
[[nodiscard]] Markup figure(const std::string& title, const std::vector<LegendEntry>& legend, double height,
                            const std::string& svg, const std::string& note);
/// The figure of a chart that has nothing to show.
[[nodiscard]] Markup empty_figure(const std::string& title, const std::string& note);

constexpr double chart_width = 380.0;

/// The area of a chart in which data are drawn, with room around it for what the scales need.
class Plot {
 public:
  /// Draws grid, axes and labels into `svg()`.
  Plot(const Axis& x_axis, const Axis& y_axis, const std::vector<double>& x_values,
       const std::vector<double>& y_values, bool square);
  [[nodiscard]] double x(double value) const { return left + (right - left) * x_scale.fraction(value); }
  [[nodiscard]] double y(double value) const { return bottom - (bottom - top) * y_scale.fraction(value); }
  void draw(std::string_view shape) { svg_ += shape; }
  void vertical(double x_value);
  [[nodiscard]] const std::string& svg() const { return svg_; }

  Scale x_scale, y_scale;
  double left, right, top, bottom;
  double height;  ///< of the whole chart, labels included

 private:
  std::string svg_;
};

}  // namespace xr::html
