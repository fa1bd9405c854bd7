// How the implicit matrix products of conv2d find their operands in a channels_last activation: the pixels
// that a result's taps see. No im2col matrix is ever in memory.
#pragma once

#include <cstdint>

#include "kernels/cuda/fast_division.h"
#include "kernels/cuda/gemm/gemm_loaders.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

/// Result (n, i, j) sees pixel (n, i stride_h + r step_h + begin_h, j stride_w + q step_w + begin_w) of the
/// source through tap (r, q). Extents stay below 2^15, numbers of pixels below 2^31.
struct PixelGrid {
  int results;               ///< N I J
  Divisor of_image, of_row;  ///< I J, J
  int stride_h, stride_w, begin_h, begin_w;
  int taps_h, taps_w, step_h, step_w;
  int height, width, channels;  ///< of the source; channels of one group
  int pixel_stride;             ///< elements from pixel to pixel: channels of all groups

  struct Place {
    int n, i, j;
  };
  [[nodiscard]] __device__ __forceinline__ Place place_of(int result) const {
    const int n = of_image.quotient(result), rest = of_image.remainder(result, n);
    const int i = of_row.quotient(rest);
    return {n, i, of_row.remainder(rest, i)};
  }
  [[nodiscard]] __device__ __forceinline__ bool contains(int h, int w) const {
    return static_cast<unsigned>(h) < static_cast<unsigned>(height) &&
           static_cast<unsigned>(w) < static_cast<unsigned>(width);
  }
  /// Depth of the products: all taps of all channels.
  [[nodiscard]] __host__ __device__ int depth() const { return taps_h * taps_w * channels; }
};

/// Tiles of a matrix of one row for each result and one column for each tap and channel (the channel
/// fastest), as an operand whose depth is contiguous. channels must be a multiple of 16 bytes, as must the
/// address of the group's first channel.
template <class Tile, int Threads>
class PixelLoader {
  using T = typename Tile::Element;
  using Order = ChunkOrder<Tile, Threads>;
  static_assert(Tile::depth_contiguous);

 public:
  __device__ PixelLoader(const PixelGrid& grid, const T* source, int first_result)
      : grid_(grid), source_(source) {
    const int column = Order::column(), tap = column / grid.channels;
    channel_ = column % grid.channels;
    tap_h_ = tap / grid.taps_w;
    tap_w_ = tap % grid.taps_w;
#pragma unroll
    for (int k = 0; k < Order::count; ++k) {
      const int result = first_result + Order::row() + k * Order::step;
      // Rows past the end repeat the last one; nobody asks for their results.
      const PixelGrid::Place place = grid.place_of(min(result, grid.results - 1));
      const int h = place.i * grid.stride_h + grid.begin_h, w = place.j * grid.stride_w + grid.begin_w;
      pixel_[k] = (place.n * grid.height + h) * grid.width + w;
      corner_[k] = h * (1 << 16) | (w & 0xFFFF);
    }
  }

  __device__ __forceinline__ void load(T* tile) {
    const int h = tap_h_ * grid_.step_h, w = tap_w_ * grid_.step_w;
    const bool exists = tap_h_ < grid_.taps_h;
#pragma unroll
    for (int k = 0; k < Order::count; ++k) {
      const bool inside =
          exists && grid_.contains((corner_[k] >> 16) + h, static_cast<std::int16_t>(corner_[k]) + w);
      const std::int64_t pixel = pixel_[k] + h * grid_.width + w;
      copy_async<16>(tile + Tile::offset(Order::row() + k * Order::step, Order::column()),
                     source_ + pixel * grid_.pixel_stride + channel_, inside ? 16 : 0);
    }
    channel_ += Tile::depth;
    while (channel_ >= grid_.channels) {
      channel_ -= grid_.channels;
      if (++tap_w_ == grid_.taps_w) {
        tap_w_ = 0;
        ++tap_h_;
      }
    }
  }

 private:
  const PixelGrid& grid_;
  const T* source_;
  int tap_h_, tap_w_, channel_;  // of this thread's chunk in the next tile
  // For each of the thread's rows what tap (0, 0) sees: the pixel's number, and its h and w in 16 bits each.
  int pixel_[Order::count], corner_[Order::count];
};

/// The same matrix as the second operand of the filter gradient, whose depth are the results: tiles of
/// Tile::depth rows, their columns contiguous.
template <class Tile, int Threads>
class TapLoader {
  using T = typename Tile::Element;
  using Order = ChunkOrder<Tile, Threads>;
  static_assert(!Tile::depth_contiguous);

 public:
  __device__ TapLoader(const PixelGrid& grid, const T* source, int first_result, int end_result,
                       int first_column)
      : grid_(grid), result_(first_result + Order::row()), end_result_(end_result) {
    const int column = first_column + Order::column(), tap = column / grid.channels;
    exists_ = column < grid.depth();
    source_ = source + column % grid.channels;
    h_ = tap / grid.taps_w * grid.step_h + grid.begin_h;
    w_ = tap % grid.taps_w * grid.step_w + grid.begin_w;
  }

  __device__ __forceinline__ void load(T* tile) {
#pragma unroll
    for (int k = 0; k < Order::count; ++k) {
      const int result = result_ + k * Order::step;
      const PixelGrid::Place place = grid_.place_of(result);
      const int h = place.i * grid_.stride_h + h_, w = place.j * grid_.stride_w + w_;
      const bool inside = exists_ && result < end_result_ && grid_.contains(h, w);
      const std::int64_t pixel = (place.n * grid_.height + h) * grid_.width + w;
      copy_async<16>(tile + Tile::offset(Order::row() + k * Order::step, Order::column()),
                     source_ + pixel * grid_.pixel_stride, inside ? 16 : 0);
    }
    result_ += Tile::depth;
  }

 private:
  const PixelGrid& grid_;
  const T* source_;  // at this thread's channel
  int result_, end_result_;
  int h_, w_;  // where this thread's tap is for result (n, 0, 0)
  bool exists_;
};

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
