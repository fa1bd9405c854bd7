// Images to augment: sizes, records, and what they are for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/ops/augment.h"

namespace xr::tests {

using kernels::AugmentParams;
using kernels::AugmentRecord;

/// Images of `channels` x `size` x `size` bytes, each record one of `side` x `side`.
struct AugmentCase {
  std::string name;
  std::int64_t channels, size, side;
  std::vector<AugmentRecord> records;
  AugmentParams params = {};
};

constexpr AugmentParams normalised{{0.4f, 0.5f, 0.6f}, {0.25f, 0.5f, 2.0f}};

[[nodiscard]] AugmentRecord whole(std::int64_t size);
[[nodiscard]] AugmentRecord box(int x, int y, int width, int height, bool flip = false);
/// Angle in radians, shifts as fractions of the box.
[[nodiscard]] AugmentRecord warped(AugmentRecord record, double angle, float shift_x, float shift_y,
                                   float zoom);
[[nodiscard]] AugmentRecord exposed(AugmentRecord record, float brightness, float contrast);
[[nodiscard]] AugmentRecord flipped(AugmentRecord record);

[[nodiscard]] const std::vector<AugmentCase>& augment_cases();

}  // namespace xr::tests
