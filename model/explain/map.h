// Maps of what in an image matters, and how they are summed up.
#pragma once

#include <optional>
#include <vector>

namespace xr::model::explain {

/// height x width values, rows from the top.
struct Map {
  int height = 0, width = 0;
  std::vector<float> values;

  [[nodiscard]] float at(int y, int x) const { return values[static_cast<std::size_t>(y) * width + x]; }
};

/// Bilinear, sample positions at the centres of the cells (PyTorch's align_corners=False).
[[nodiscard]] Map upsample(const Map& map, int height, int width);

/// The map divided by its largest value, and nothing below 0; all 0 if there is nothing above.
[[nodiscard]] Map normalized(const Map& map);

/// Part of each side that counts as the border, on each of the four sides.
constexpr double border = 1.0 / 8.0;
/// Share of the image inside the border: what an even map has in the centre.
constexpr double central_area = (1.0 - 2.0 * border) * (1.0 - 2.0 * border);

/// Share of the map's mass (of what is above 0) inside the border; none if there is no mass. To be asked of a
/// map at the image's size, for cells are counted whole by their centres.
[[nodiscard]] std::optional<double> central_share(const Map& map);

/// Pearson correlation between maps of one size; none if either is constant.
[[nodiscard]] std::optional<double> correlation(const Map& a, const Map& b);

}  // namespace xr::model::explain
