// Windows that overlap and that do not, with padding and without.
#pragma once

#include <string>
#include <vector>

#include "kernels/backend.h"
#include "tests/reference/pool2d.h"

namespace xr::tests {

using kernels::Pool2dParams;

struct Pool2dCase {
  std::string name;
  kernels::Shape x;
  Pool2dParams params = {};

  // Height and width; one number for both.
  [[nodiscard]] Pool2dCase window(std::int64_t h, std::int64_t w = -1) const {
    Pool2dCase changed = *this;
    changed.params.kernel_h = h;
    changed.params.kernel_w = w < 0 ? h : w;
    return changed;
  }
  [[nodiscard]] Pool2dCase stride(std::int64_t h, std::int64_t w = -1) const {
    Pool2dCase changed = *this;
    changed.params.stride_h = h;
    changed.params.stride_w = w < 0 ? h : w;
    return changed;
  }
  [[nodiscard]] Pool2dCase padding(std::int64_t h, std::int64_t w = -1) const {
    Pool2dCase changed = *this;
    changed.params.padding_h = h;
    changed.params.padding_w = w < 0 ? h : w;
    return changed;
  }
  /// Padding does not count in the divisor of an average.
  [[nodiscard]] Pool2dCase counting_inside_only() const {
    Pool2dCase changed = *this;
    changed.params.count_include_pad = false;
    return changed;
  }

  [[nodiscard]] kernels::Shape y() const { return reference::pool2d_shape(params, x); }
  [[nodiscard]] bool overlapping() const {
    return params.stride_h < params.kernel_h || params.stride_w < params.kernel_w;
  }
};

/// 2x2 windows with stride 2, until said otherwise.
[[nodiscard]] inline Pool2dCase pool2d_case(std::string name, const kernels::Shape& x) {
  return {.name = std::move(name), .x = x};
}

inline const std::vector<Pool2dCase>& pool2d_cases() {
  static const std::vector<Pool2dCase> cases = {
      pool2d_case("2x2", {2, 3, 8, 10}),
      pool2d_case("2x2_of_odd_extents", {3, 16, 7, 9}),
      pool2d_case("2x2_of_one_window", {1, 1, 3, 2}),
      pool2d_case("2x2_with_32_channels", {2, 32, 11, 15}),
      pool2d_case("2x2_with_48_channels", {1, 48, 6, 34}),
      pool2d_case("1x1", {2, 5, 3, 4}).window(1).stride(1),
      pool2d_case("1x1_stride_2", {1, 16, 5, 6}).window(1).stride(2),
      pool2d_case("3x3_stride_2_padding_1", {2, 16, 13, 14}).window(3).stride(2).padding(1),
      pool2d_case("3x3_stride_2_padding_1_inside_only", {2, 16, 13, 14})
          .window(3)
          .stride(2)
          .padding(1)
          .counting_inside_only(),
      pool2d_case("2x2_padding_1_inside_only", {1, 16, 7, 6}).padding(1).counting_inside_only(),
      pool2d_case("3x3_stride_1", {1, 7, 6, 5}).window(3).stride(1),
      pool2d_case("3x3_stride_1_padding_1_of_one_pixel", {2, 32, 1, 1}).window(3).stride(1).padding(1),
      pool2d_case("3x3_stride_1_padding_1_of_one_pixel_inside_only", {2, 32, 1, 1})
          .window(3)
          .stride(1)
          .padding(1)
          .counting_inside_only(),
      pool2d_case("3x3_stride_3", {2, 3, 10, 11}).window(3).stride(3),
      pool2d_case("5x5_stride_3_padding_2", {1, 17, 12, 9}).window(5).stride(3).padding(2),
      pool2d_case("5x5_stride_3_padding_2_inside_only", {1, 17, 12, 9})
          .window(5)
          .stride(3)
          .padding(2)
          .counting_inside_only(),
      pool2d_case("2x2_padding_1", {2, 16, 5, 6}).window(2).stride(2).padding(1),
      pool2d_case("rectangles", {2, 6, 9, 12}).window(2, 3).stride(1, 2).padding(1, 0),
      pool2d_case("rectangles_the_other_way", {1, 16, 12, 7})
          .window(4, 2)
          .stride(3, 1)
          .padding(0, 1)
          .counting_inside_only(),
      pool2d_case("window_of_the_whole_image", {3, 4, 7, 5}).window(7, 5).stride(1),
      pool2d_case("windows_with_gaps", {2, 16, 11, 13}).window(2).stride(3, 4),
      pool2d_case("2x2_of_a_wide_row", {1, 1, 5, 4201}),
      pool2d_case("3x3_stride_1_padding_1_of_a_wide_row", {1, 16, 4, 300}).window(3).stride(1).padding(1),
      pool2d_case("3x3_stride_2_of_very_many_channels", {1, 2080, 4, 5}).window(3).stride(2).padding(1),
      pool2d_case("17x17_window", {1, 16, 20, 19}).window(17).stride(1, 2).padding(8, 3),
  };
  return cases;
}

}  // namespace xr::tests
