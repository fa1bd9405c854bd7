// Maps as pictures.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "data/image/image.h"
#include "model/explain/map.h"

namespace xr::apps::explain {

using model::explain::Map;

/// The colour of a value from 0 (black) to 1 (pale yellow), brighter all the way, so that it can be read
/// without telling colours apart. Corner points of Matplotlib's "inferno" (CC0), linear between them.
[[nodiscard]] std::array<std::uint8_t, 3> map_color(float value);

/// The network's input (channels x size x size floats) as an RGB image: `mean` and `deviation` as they were
/// taken off.
[[nodiscard]] data::Image input_image(std::span<const float> input, int channels, int size,
                                      const std::array<float, 3>& mean,
                                      const std::array<float, 3>& deviation);

/// An RGB image with the map (0 to 1, of its size) laid over it: where the map is 0 the image stays as it is.
[[nodiscard]] data::Image overlay(const data::Image& image, const Map& map);

/// Images of one size beside each other, on the right the scale of colours from 0 to 1.
[[nodiscard]] data::Image panel(const std::vector<data::Image>& images);

/// Enlarged by a whole number, so that the shorter side has at least `least` pixels.
[[nodiscard]] data::Image enlarged(const data::Image& image, int least);

}  // namespace xr::apps::explain
