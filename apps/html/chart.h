// Charts as inline SVG, drawn for the width of a phone and scaled up elsewhere. Values that are no finite
// numbers are gaps; a chart without any says so instead of drawing. Legends stand as text below the title and
// never lie on the plot.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/html/axis.h"
#include "apps/html/markup.h"

namespace xr::html {

struct Series {
  std::string name;
  std::vector<double> x, y;
  /// As long as y, or empty: an interval about each y, as a band or (with `whiskers`) as lines.
  std::vector<double> low, high;
  bool whiskers = false;
  bool line = true;    ///< joined points
  bool marks = false;  ///< a mark at each point
};

struct VerticalLine {
  double x;
  std::string name;
};

struct LineChart {
  std::string title;
  Axis x, y;
  std::vector<Series> series;
  std::vector<VerticalLine> lines;  ///< dashed, named in the legend
  bool diagonal = false;            ///< from (0, 0) to (1, 1), dashed
  std::string diagonal_name;
  bool square = false;
  std::string note;  ///< below the chart: what the band is, of how many
};
[[nodiscard]] Markup chart(const LineChart& chart);

/// Receiver operating characteristic: x is 1 - specificity, y sensitivity, with the diagonal of chance.
[[nodiscard]] Markup roc_chart(const std::string& title, const std::vector<Series>& series,
                               const std::string& note = {});

/// Mean predicted probability (x) against observed frequency (y, with intervals), with the diagonal of
/// perfect calibration; `counts` (as long as x, or empty) is drawn as bars below.
[[nodiscard]] Markup calibration_chart(const std::string& title, const Series& bins,
                                       const std::vector<std::int64_t>& counts, const std::string& note = {});

struct Bar {
  std::string name;
  double value = 0.0;
  double low = 0.0, high = 0.0;  ///< an interval, drawn where low < high
  std::string text;              ///< right of the bar; the value if empty
};

/// Horizontal bars, each with its name above it, so that long names have room.
struct BarChart {
  std::string title;
  Axis axis;  ///< from 0 unless given
  std::vector<Bar> bars;
  std::vector<VerticalLine> lines;
  std::string note;
};
[[nodiscard]] Markup chart(const BarChart& chart);

/// counts[i] of each series lie between edges[i] and edges[i + 1].
struct Histogram {
  struct Counts {
    std::string name;
    std::vector<double> counts;
  };
  std::string title;
  Axis x, y;
  std::vector<double> edges;
  std::vector<Counts> series;
  std::vector<VerticalLine> lines;
  std::string note;
};
[[nodiscard]] Markup chart(const Histogram& chart);

}  // namespace xr::html
