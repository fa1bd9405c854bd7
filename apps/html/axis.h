// Scales and ticks of charts.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace xr::html {

struct Axis {
  std::string label;
  std::optional<double> low, high;  ///< from the data where not given
  bool integers = false;            ///< no ticks between whole numbers
  bool percent = false;             ///< 0.25 reads as 25 %
  bool powers_of_ten = false;       ///< values are logarithms: -3 reads as 1e-3; with `integers`
};

struct Tick {
  double value;
  std::string text;
};

/// A range of values with round ticks within it.
struct Scale {
  double low = 0.0, high = 1.0;
  std::vector<Tick> ticks;
  /// 0 at low, 1 at high.
  [[nodiscard]] double fraction(double value) const { return (value - low) / (high - low); }
};

/// The scale of `values` (those that are no finite numbers are left out; none at all give 0 to 1) with at
/// most `max_ticks` ticks at 1, 2 or 5 times a power of ten. Where the axis leaves an end open, it goes to
/// the next tick.
[[nodiscard]] Scale make_scale(const Axis& axis, const std::vector<double>& values, int max_ticks);

/// Width in pixels of 12 px text, estimated from above (DejaVu Sans, the widest of the usual fonts).
[[nodiscard]] double text_width(const std::string& text);
/// The text, with an ellipsis in place of what does not fit into `width` pixels.
[[nodiscard]] std::string fitted(const std::string& text, double width);

}  // namespace xr::html
