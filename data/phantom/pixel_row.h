// One row of a phantom image while its absorptions are worked out.
#pragma once

#include "data/phantom/phantom_absorption.h"
#include "data/phantom/phantom_canvas.h"

#include <algorithm>
#include <cmath>

namespace xr::data::phantom {

/// Pixels of a row from `begin` to before `end`.
struct Range {
  int begin = 0, end = 0;
};

constexpr int capacity = max_phantom_side;
using Values = float[capacity];

/// What is worked out of a row. Arrays of one object, so that a compiler knows that they do not overlap.
struct PixelRow {
  int size = 0;
  float low_y = 0, high_y = 0;
  Values x, y;                                  // patient coordinates
  Values wall, lung, depth, below;              // below: how far below the lungs, from 0 to 1
  Values soft, ribs, clavicles, spine, before;  // heart and vessels, bones, and what lies before the lungs
  Values sum;
  Values argument[4], value[4];  // of functions, and what they give
  Values other[2];

  /// Where x is between these, and a pixel more on each side: x grows along a row.
  [[nodiscard]] Range where(float low, float high) const {
    const auto begin = static_cast<int>(std::lower_bound(x, x + size, low) - x);
    const auto end = static_cast<int>(std::upper_bound(x + begin, x + size, high) - x);
    return {std::max(0, begin - 1), std::min(size, end + 1)};
  }
  [[nodiscard]] bool meets(float low, float high) const { return low_y < high && high_y > low; }
};

/// A tube seen from the side, brighter at its walls: what it needs a function of. `distance` is in half widths.
inline float tube_argument(float distance) {
  return -square((lesser(distance, 2.0f) - 0.7f) / 0.4f);
}
inline float tube(float distance, float value) {
  const float seen = (1.0f - smooth_step(0.55f, 1.5f, distance)) * (0.8f + 0.3f * value);
  return distance > 1.6f ? 0.0f : seen;
}

}  // namespace xr::data::phantom
