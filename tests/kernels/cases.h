// The shapes and parameters at which operations are tested, chosen to hurt: 1x1 images, extents that are no
// multiple of a tile, batch 1, C_in 1 and 3, odd padding, strides 2 and 3, rectangles, dilation, groups,
// windows that overlap and that do not. Each case knows the operations and the least bytes of its forward
// pass (f32), so that other precisions, backends and benchmarks can use the same lists.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "kernels/common/random.h"
#include "tests/reference/conv2d.h"
#include "tests/reference/pool2d.h"

namespace xr::tests {

using kernels::Conv2dParams;
using kernels::Pool2dParams;
using kernels::Shape;

struct Conv2dCase {
  const char* name;
  Shape x, filter;
  Conv2dParams params;  ///< stride, padding, dilation (height, width each), groups
  bool bias = true;

  [[nodiscard]] Shape y() const { return reference::conv2d_shape(params, x, filter); }
  /// Products that make up one element of y.
  [[nodiscard]] double terms() const { return static_cast<double>(filter[1] * filter[2] * filter[3]); }
  [[nodiscard]] std::int64_t flops() const { return 2 * y().numel() * filter[1] * filter[2] * filter[3]; }
  [[nodiscard]] std::int64_t bytes() const {
    return 4 * (x.numel() + filter.numel() + y().numel() + (bias ? filter[0] : 0));
  }
  /// Whether a backend may compute it by Winograd's algorithm instead of directly.
  [[nodiscard]] bool suits_winograd() const {
    return filter[2] == 3 && filter[3] == 3 && params.stride_h == 1 && params.stride_w == 1 &&
           params.dilation_h == 1 && params.dilation_w == 1 && params.groups == 1 && filter[0] >= 32 &&
           filter[1] >= 32;
  }
};

inline const std::vector<Conv2dCase>& conv2d_cases() {
  static const std::vector<Conv2dCase> cases = {
      {"one pixel", {1, 1, 1, 1}, {1, 1, 1, 1}, {}},
      {"one pixel under a padded 3x3", {2, 3, 1, 1}, {4, 3, 3, 3}, {1, 1, 1, 1, 1, 1, 1}},
      {"one pixel of 32 channels", {1, 32, 1, 1}, {16, 32, 1, 1}, {}},
      {"first layer padding 2 grey", {2, 1, 21, 19}, {32, 1, 3, 3}, {1, 1, 2, 2, 1, 1, 1}},
      {"first layer padding 2 RGB", {2, 3, 21, 19}, {32, 3, 3, 3}, {1, 1, 2, 2, 1, 1, 1}},
      {"first layer padding 1 without bias", {1, 1, 16, 16}, {16, 1, 3, 3}, {1, 1, 1, 1, 1, 1, 1}, false},
      {"second layer without padding", {2, 32, 17, 15}, {64, 32, 3, 3}, {}},
      {"padding 2 with 32 channels", {2, 32, 11, 13}, {32, 32, 3, 3}, {1, 1, 2, 2, 1, 1, 1}},
      {"wide image padding 2 grey", {1, 1, 9, 130}, {16, 1, 3, 3}, {1, 1, 2, 2, 1, 1, 1}},
      {"stem 7x7 stride 2 grey", {2, 1, 29, 31}, {16, 1, 7, 7}, {2, 2, 3, 3, 1, 1, 1}, false},
      {"stem 7x7 stride 2 RGB", {1, 3, 30, 27}, {48, 3, 7, 7}, {2, 2, 3, 3, 1, 1, 1}},
      {"5x5 padding 2", {2, 16, 10, 11}, {48, 16, 5, 5}, {1, 1, 2, 2, 1, 1, 1}},
      {"1x1 from 48 to 32", {3, 48, 9, 7}, {32, 48, 1, 1}, {}},
      {"1x1 stride 2 shortcut", {2, 32, 9, 11}, {64, 32, 1, 1}, {2, 2, 0, 0, 1, 1, 1}, false},
      {"3x3 stride 2", {2, 32, 14, 13}, {48, 32, 3, 3}, {2, 2, 1, 1, 1, 1, 1}, false},
      {"3x3 stride 3", {1, 16, 13, 14}, {16, 16, 3, 3}, {3, 3, 1, 1, 1, 1, 1}},
      {"stride larger than the kernel", {2, 5, 11, 10}, {7, 5, 1, 2}, {3, 3, 0, 0, 1, 1, 1}},
      {"odd channels", {3, 7, 9, 8}, {13, 7, 3, 3}, {1, 1, 1, 1, 1, 1, 1}},
      {"rectangles", {2, 6, 12, 9}, {10, 6, 3, 5}, {2, 1, 0, 2, 1, 1, 1}},
      {"tall kernel and wide padding", {1, 16, 7, 12}, {32, 16, 5, 1}, {1, 3, 2, 1, 1, 1, 1}},
      {"dilation 2", {2, 16, 11, 12}, {16, 16, 3, 3}, {1, 1, 2, 2, 2, 2, 1}},
      {"dilation 2 by 3 with stride 2", {1, 5, 15, 17}, {6, 5, 3, 3}, {2, 2, 1, 3, 2, 3, 1}},
      {"RGB with dilation 2 by 3 and stride 2 by 1", {2, 3, 15, 17}, {6, 3, 3, 3}, {2, 1, 2, 3, 2, 3, 1}},
      {"2 groups", {2, 8, 9, 10}, {6, 4, 3, 3}, {1, 1, 1, 1, 1, 1, 2}},
      {"2 groups of 16", {2, 32, 9, 7}, {32, 16, 3, 3}, {1, 1, 1, 1, 1, 1, 2}, false},
      {"depthwise 3 channels", {2, 3, 8, 9}, {3, 1, 3, 3}, {1, 1, 1, 1, 1, 1, 3}},
      {"depthwise 48 channels stride 2", {1, 48, 9, 11}, {48, 1, 3, 3}, {2, 2, 1, 1, 1, 1, 48}},
      {"depthwise with two outputs each", {1, 4, 7, 7}, {8, 1, 3, 3}, {1, 1, 0, 0, 1, 1, 4}},
      {"kernel as large as the padded image", {2, 16, 3, 3}, {16, 16, 5, 5}, {1, 1, 1, 1, 1, 1, 1}},
      {"many rows grey", {5, 1, 40, 21}, {16, 1, 3, 3}, {1, 1, 2, 2, 1, 1, 1}},
      {"wide image RGB", {1, 3, 5, 600}, {17, 3, 3, 3}, {1, 1, 1, 1, 1, 1, 1}},
      {"4 channels under 5x5", {2, 4, 12, 11}, {20, 4, 5, 5}, {1, 2, 0, 1, 1, 1, 1}},
      {"3x3 padding 1 of many pixels", {2, 32, 24, 25}, {48, 32, 3, 3}, {1, 1, 1, 1, 1, 1, 1}},
      {"3x3 without padding of many pixels", {2, 48, 26, 27}, {32, 48, 3, 3}, {}, false},
      {"many rows and filters", {3, 16, 33, 35}, {64, 16, 3, 3}, {1, 1, 2, 2, 1, 1, 1}},
  };
  return cases;
}

struct Pool2dCase {
  const char* name;
  Shape x;
  Pool2dParams params;  ///< kernel, stride, padding (height, width each), whether padding counts

  [[nodiscard]] Shape y() const { return reference::pool2d_shape(params, x); }
  [[nodiscard]] std::int64_t flops() const { return y().numel() * params.kernel_h * params.kernel_w; }
  [[nodiscard]] std::int64_t bytes() const { return 4 * (x.numel() + y().numel()); }
  [[nodiscard]] bool overlapping() const {
    return params.stride_h < params.kernel_h || params.stride_w < params.kernel_w;
  }
};

inline const std::vector<Pool2dCase>& pool2d_cases() {
  static const std::vector<Pool2dCase> cases = {
      {"2x2", {2, 3, 8, 10}, {}},
      {"2x2 of odd extents", {3, 16, 7, 9}, {}},
      {"2x2 of one window", {1, 1, 3, 2}, {}},
      {"2x2 with 32 channels", {2, 32, 11, 15}, {}},
      {"2x2 with 48 channels", {1, 48, 6, 34}, {}},
      {"1x1", {2, 5, 3, 4}, {1, 1, 1, 1, 0, 0}},
      {"1x1 stride 2", {1, 16, 5, 6}, {1, 1, 2, 2, 0, 0}},
      {"3x3 stride 2 padding 1", {2, 16, 13, 14}, {3, 3, 2, 2, 1, 1}},
      {"3x3 stride 2 padding 1 inside only", {2, 16, 13, 14}, {3, 3, 2, 2, 1, 1, false}},
      {"3x3 stride 1", {1, 7, 6, 5}, {3, 3, 1, 1, 0, 0}},
      {"3x3 stride 1 padding 1 of one pixel", {2, 32, 1, 1}, {3, 3, 1, 1, 1, 1}},
      {"3x3 stride 1 padding 1 of one pixel inside only", {2, 32, 1, 1}, {3, 3, 1, 1, 1, 1, false}},
      {"3x3 stride 3", {2, 3, 10, 11}, {3, 3, 3, 3, 0, 0}},
      {"5x5 stride 3 padding 2", {1, 17, 12, 9}, {5, 5, 3, 3, 2, 2}},
      {"5x5 stride 3 padding 2 inside only", {1, 17, 12, 9}, {5, 5, 3, 3, 2, 2, false}},
      {"2x2 padding 1", {2, 16, 5, 6}, {2, 2, 2, 2, 1, 1}},
      {"rectangles", {2, 6, 9, 12}, {2, 3, 1, 2, 1, 0}},
      {"rectangles the other way", {1, 16, 12, 7}, {4, 2, 3, 1, 0, 1, false}},
      {"window of the whole image", {3, 4, 7, 5}, {7, 5, 1, 1, 0, 0}},
      {"windows with gaps", {2, 16, 11, 13}, {2, 2, 3, 4, 0, 0}},
      {"2x2 of a wide row", {1, 1, 5, 4201}, {}},
      {"3x3 stride 1 padding 1 of a wide row", {1, 16, 4, 300}, {3, 3, 1, 1, 1, 1}},
      {"3x3 stride 2 of very many channels", {1, 2080, 4, 5}, {3, 3, 2, 2, 1, 1}},
      {"17x17 window", {1, 16, 20, 19}, {17, 17, 1, 2, 8, 3}},
  };
  return cases;
}

/// Shapes of activations for operations without parameters (relu, global average pooling, reorder, dropout).
inline const std::vector<Shape>& activation_shapes() {
  static const std::vector<Shape> shapes = {{1, 1, 1, 1},   {2, 3, 5, 7},   {1, 16, 1, 1},   {2, 16, 3, 5},
                                            {3, 32, 9, 4},  {1, 48, 7, 11}, {2, 17, 13, 13}, {4, 64, 33, 31},
                                            {2, 3, 47, 61}, {1, 16, 53, 39}};
  return shapes;
}

/// More than 16 MiB, where a backend may write around the caches, and no multiple of anything.
inline const Shape large_activation{3, 16, 300, 293};

struct BatchNormCase {
  const char* name;
  Shape x;
  double mean = 0, deviation = 1;  ///< of the input
  kernels::BatchNormParams params = {};

  [[nodiscard]] std::int64_t flops() const { return 7 * x.numel(); }
  [[nodiscard]] std::int64_t bytes() const { return 4 * 3 * x.numel(); }
};

inline const std::vector<BatchNormCase>& batch_norm_cases() {
  static const std::vector<BatchNormCase> cases = {
      {"two values", {2, 1, 1, 1}},
      {"small", {2, 3, 5, 7}, 0.5, 0.25},
      {"one image", {1, 16, 9, 5}},
      {"odd extents", {3, 32, 7, 9}, -1, 2},
      {"48 channels", {2, 48, 6, 11}},
      {"odd channels", {4, 17, 5, 3}, 3, 0.5},
      {"many rows", {5, 16, 61, 47}, 0.2, 1},
      {"large mean", {4, 16, 12, 13}, 100, 1},
      {"small deviation next to epsilon", {3, 16, 5, 5}, 0, 3e-3},
      {"other momentum and epsilon", {2, 5, 4, 4}, 0, 1, {1e-3f, 0.3f}},
      {"wide rows", {1, 16, 3, 2101}, 0.5, 0.25},
      {"large", large_activation, 0.5, 0.25},
      {"features", {9, 21}, 1, 2},
      {"features of two rows", {2, 64}},
  };
  return cases;
}

/// c (m, n) = op(a) op(b) over k.
struct MatmulCase {
  std::int64_t m, n, k;

  [[nodiscard]] std::int64_t flops() const { return 2 * m * n * k; }
  [[nodiscard]] std::int64_t bytes() const { return 4 * (m * k + k * n + m * n); }
};

inline const std::vector<MatmulCase>& matmul_cases() {
  static const std::vector<MatmulCase> cases = {{1, 1, 1},    {1, 2, 120},  {60, 2, 120},  {3, 5, 7},
                                                {16, 16, 16}, {17, 33, 65}, {60, 120, 61}, {1, 130, 1000},
                                                {129, 1, 67}, {19, 64, 3},  {5, 600, 2311}};
  return cases;
}

/// Rows of (N, classes).
struct RowsCase {
  std::int64_t rows, classes;
  double spike = 0;  ///< added to one logit of each row

  [[nodiscard]] std::int64_t flops() const { return 5 * rows * classes; }
  [[nodiscard]] std::int64_t bytes() const { return 8 * rows * classes; }
};

inline const std::vector<RowsCase>& rows_cases() {
  static const std::vector<RowsCase> cases = {{1, 1},       {1, 2},      {60, 2, 4},  {7, 3, 8},
                                              {5, 10, -3},  {3, 33, 20}, {19, 2, 60}, {2, 1000, 6},
                                              {3, 2500, 8}, {513, 4, 2}};
  return cases;
}

/// Two operands that broadcast.
struct BroadcastCase {
  Shape a, b;
};

inline const std::vector<BroadcastCase>& broadcast_cases() {
  static const std::vector<BroadcastCase> cases = {
      {{1}, {1}},
      {{}, {}},
      {{7}, {}},
      {{}, {3, 5}},
      {{60, 120}, {120}},
      {{60, 120}, {60, 1}},
      {{2, 3, 5, 7}, {7}},
      {{2, 16, 5, 7}, {16, 1, 1}},
      {{2, 3, 5, 7}, {2, 3, 1, 1}},
      {{4, 1, 3}, {5, 1}},
      {{5, 1, 7}, {1, 6, 1}},
      {{2, 3, 1, 5, 7}, {3, 4, 1, 7}},
      {{9, 1}, {1, 1001}},
      {{3, 70001}, {70001}},
  };
  return cases;
}

/// x and the shape that it is summed to.
inline const std::vector<BroadcastCase>& sum_cases() {
  static const std::vector<BroadcastCase> cases = {
      {{}, {}},
      {{1}, {}},
      {{5}, {5}},
      {{1001}, {}},
      {{60, 120}, {120}},
      {{60, 120}, {60, 1}},
      {{60, 120}, {1, 120}},
      {{60, 120}, {}},
      {{2, 3, 5, 7}, {3, 1, 1}},
      {{2, 3, 5, 7}, {1, 3, 1, 7}},
      {{2, 3, 5, 7}, {2, 1, 5, 1}},
      {{2, 3, 4, 5, 6}, {3, 1, 5, 1}},
      {{3, 70001}, {3, 1}},
      {{4099, 13}, {13}},
      {{200003}, {}},
      {{2, 3, 4, 8}, {3, 1, 1}},
      {{5, 2, 1500, 8}, {2, 1, 1}},
      {{2, 900, 8}, {2, 1, 8}},
      {{700, 3, 300}, {3, 300}},
  };
  return cases;
}

/// Lengths of flat arrays: of one element, below and above every vector and tile, and many pieces.
inline const std::vector<std::int64_t>& flat_lengths() {
  static const std::vector<std::int64_t> lengths = {1, 3, 15, 16, 17, 255, 1000, 4097, 100003};
  return lengths;
}

}  // namespace xr::tests
