// conv2d as matrix products on tensor cores: the kernels, as templates over precision and tile.
#pragma once

#include <string>

#include "kernels/cuda/conv2d/conv2d.h"
#include "kernels/cuda/conv2d/conv2d_pixels.h"
#include "kernels/cuda/conv2d/filter_partials.h"
#include "kernels/cuda/gemm/gemm_tile.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

/// What the results of the forward convolution see of x: for its products, and for those of the filter's gradient.
[[nodiscard]] inline PixelGrid grid_of_results(const Conv2dShape& s) {
  return {.results = s.batch * s.out_h * s.out_w,
          .of_image = Divisor(s.out_h * s.out_w),
          .of_row = Divisor(s.out_w),
          .stride_h = s.stride_h,
          .stride_w = s.stride_w,
          .begin_h = -s.padding_h,
          .begin_w = -s.padding_w,
          .taps_h = s.kernel_h,
          .taps_w = s.kernel_w,
          .step_h = s.dilation_h,
          .step_w = s.dilation_w,
          .height = s.in_h,
          .width = s.in_w,
          .channels = s.in_channels / s.groups,
          .pixel_stride = s.in_channels};
}

/// For each group, blockIdx.y: result (N I J, columns) = the matrix of taps of `source` (PixelGrid) times filter^T
/// (columns, taps, channels), both of the activations' type; for Math::tf32 the filter is rounded to it.
struct ImplicitGemm {
  PixelGrid grid;
  const void* source;
  const void* filter;
  std::int64_t filter_group;  ///< elements from one group's filter to the next
  int columns;                ///< of a group
  int result_pixel_stride;    ///< columns of all groups
  const float* bias;
  void* result;
  GradientWrite write;
  bool aligned;  ///< rows of results to 16 bytes
  // Result (n, i, j) is pixel (n, i result_stride_h + result_begin_h, ...) of an activation of this extent.
  int result_height, result_width, result_stride_h, result_stride_w, result_begin_h, result_begin_w;
};

template <class Product>
__global__ void __launch_bounds__(Product::Shape::threads) implicit_gemm_kernel(ImplicitGemm g) {
  using Shape = typename Product::Shape;
  using T = typename Product::A::Element;
  XR_DYNAMIC_SHARED(char, shared);
  const int tiles_n = (g.columns + Shape::n - 1) / Shape::n;  // neighbouring blocks share their pixels
  const int row = static_cast<int>(blockIdx.x) / tiles_n * Shape::m;
  const int column = static_cast<int>(blockIdx.x) % tiles_n * Shape::n;
  const int depth = g.grid.depth(), group = static_cast<int>(blockIdx.y);

  PixelLoader<typename Product::A, Shape::threads> pixels(
      g.grid, static_cast<const T*>(g.source) + group * g.grid.channels, row);
  MatrixLoader<typename Product::B, Shape::threads> filter(
      static_cast<const T*>(g.filter) + group * g.filter_group, depth, column, g.columns, 0, depth);
  Product product;
  product.run(pixels, filter, (depth + Product::depth - 1) / Product::depth, shared, [](int, const auto&) {});
  auto* const result = reinterpret_cast<float*>(shared);
  product.to_shared(result);
  const auto offset = [&](int r) -> std::int64_t {
    if (row + r >= g.grid.results) return -1;
    const PixelGrid::Place place = g.grid.place_of(row + r);
    const int h = place.i * g.result_stride_h + g.result_begin_h;
    const int w = place.j * g.result_stride_w + g.result_begin_w;
    return static_cast<std::int64_t>((place.n * g.result_height + h) * g.result_width + w) *
           g.result_pixel_stride;
  };
  const float* const bias = g.bias == nullptr ? nullptr : g.bias + group * g.columns;
  write_results<Product>(result, column, g.columns, static_cast<T*>(g.result) + group * g.columns, offset,
                         bias, g.write, g.aligned);
}

/// Partial filter gradients: for split blockIdx.y and group blockIdx.z, d_filter (rows, taps, channels) =
/// dy (results, rows)^T times the matrix of taps of x.
struct ImplicitGemmFilter {
  PixelGrid grid;
  const void *x, *dy;
  int rows;               ///< of a group
  int pixel_stride;       ///< of dy: rows of all groups
  int results_per_split;  ///< a multiple of the tile's depth
  FilterPartials partials;
  bool aligned;  ///< rows of partials to 16 bytes
};

template <class Product>
__global__ void __launch_bounds__(Product::Shape::threads, 2)
    implicit_gemm_filter_kernel(ImplicitGemmFilter g) {
  using Shape = typename Product::Shape;
  using T = typename Product::A::Element;
  XR_DYNAMIC_SHARED(char, shared);
  const int columns = g.grid.depth(), tiles_n = (columns + Shape::n - 1) / Shape::n;
  const int row = static_cast<int>(blockIdx.x) / tiles_n * Shape::m;
  const int column = static_cast<int>(blockIdx.x) % tiles_n * Shape::n;
  const int split = static_cast<int>(blockIdx.y);
  const int group = static_cast<int>(blockIdx.z);
  const int first = split * g.results_per_split, end = min(g.grid.results, first + g.results_per_split);

  MatrixLoader<typename Product::A, Shape::threads> dy(static_cast<const T*>(g.dy) + group * g.rows,
                                                       g.pixel_stride, first, end, row, g.rows);
  TapLoader<typename Product::B, Shape::threads> taps(
      g.grid, static_cast<const T*>(g.x) + group * g.grid.channels, first, end, column);
  Product product;
  // The bias gradient is dy^T times ones: the warps of the first column have these products done, too.
  constexpr int tiles_m = Shape::warp_m / 16;
  float bias_sums[tiles_m][4] = {};
  const bool sum_bias = g.partials.bias_count > 0 && column == 0 && Product::warp_column() == 0;
  product.run(dy, taps, (end - first + Product::depth - 1) / Product::depth, shared,
              [&](int i, const Fragment<Product::math, 4>& fragment) {
                if (sum_bias) multiply_add(bias_sums[i], fragment, fragment_of_ones<Product::math>());
              });
  auto* const result = reinterpret_cast<float*>(shared);
  product.to_shared(result);
  float* const partial = g.partials.filter_of(split) + static_cast<std::int64_t>(group) * g.rows * columns;
  const auto offset = [&](int r) {
    return row + r < g.rows ? static_cast<std::int64_t>(row + r) * columns : -1;
  };
  write_results<Product>(result, column, columns, partial, offset, nullptr, g.partials.write, g.aligned);
  const int lane = static_cast<int>(threadIdx.x) % 32;
  if (!sum_bias || lane % 4 != 0) return;  // all columns of a product with ones are equal
#pragma unroll
  for (int i = 0; i < 2 * tiles_m; ++i) {
    const int o = row + Product::warp_row() + 8 * i + lane / 4;
    if (o < g.rows)
      g.partials.store(g.partials.bias_of(split) + group * g.rows + o, bias_sums[i / 2][i % 2 * 2]);
  }
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
