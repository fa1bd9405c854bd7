#pragma once

// What conv2d_few_channels.cu and conv2d_few_channels_filter.cu share: a block keeps the pixels that a tile
// of 4 rows of results sees in shared memory, where there is room those of its next tile, too, which arrive
// meanwhile. A thread owns 4 neighbouring output channels, neighbouring threads make whole rows of memory, 16
// bytes (f32) or 8 (bf16) each.
#include "kernels/cuda/conv2d/conv2d.h"
#include "kernels/cuda/elements.h"
#include "kernels/cuda/fast_division.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE::few_channels {

constexpr int threads = 256;
constexpr int width = 4;        // channels of a thread
constexpr int max_groups = 16;  // threads beside each other along the channels
constexpr int block_channels = width * max_groups;

/// How the results are cut into tiles, and a block's threads into lanes x groups.
struct Tiling {
  Conv2dShape s;
  int tile_rows, tile_columns;   ///< results
  int tiles_h, tiles_w, tiles;   ///< of an image, of all
  int patch_rows, patch_stride;  ///< pixels that a tile sees: rows, and floats of a row
  int patches;                   ///< in shared memory: 2, or 1 if they are large
  int groups, lanes;
  Divisor of_tile_row, of_patch_row, of_pixel;  ///< tile_columns, patch_stride, s.in_channels
  Divisor of_taps;
  bool aligned;  ///< y's pixels, to 4 elements

  [[nodiscard]] __host__ __device__ int patch_size() const { return patch_rows * patch_stride; }
  [[nodiscard]] __host__ __device__ int taps() const { return s.taps() * s.in_channels; }
};

/// First result of a tile.
struct Tile {
  int n, i, j;
};
__device__ __forceinline__ Tile tile_of(const Tiling& t, int tile) {
  const int in_image = tile % (t.tiles_h * t.tiles_w);
  return {tile / (t.tiles_h * t.tiles_w), in_image / t.tiles_w * t.tile_rows,
          in_image % t.tiles_w * t.tile_columns};
}

/// This thread's part of a block: lane of the pixels, first channel.
struct Share {
  int lane, channel, valid;  // valid: channels that exist, 0 for threads without work
};
__device__ __forceinline__ Share share_of(const Tiling& t, int first_channel) {
  const int thread = static_cast<int>(threadIdx.x), lane = thread / t.groups;
  const int channel = first_channel + thread % t.groups * width;
  const int exist = min(t.s.out_channels - channel, width);
  return {lane, channel, lane < t.lanes && exist > 0 ? exist : 0};
}

/// Where result `index` of a tile is, and where its first tap is in the patch; index may be past the end.
struct Result {
  int i, j, from;
  bool exists;
};
__device__ __forceinline__ Result result_of(const Tiling& t, const Tile& tile, int index) {
  const int row = t.of_tile_row.quotient(index), column = t.of_tile_row.remainder(index, row);
  const bool exists = row < t.tile_rows && tile.i + row < t.s.out_h && tile.j + column < t.s.out_w;
  return {tile.i + row, tile.j + column,
          exists ? row * t.s.stride_h * t.patch_stride + column * t.s.stride_w * t.s.in_channels : 0, exists};
}

/// Where tap k lies in the patch from a result's first one on.
__device__ __forceinline__ int tap_offset(const Tiling& t, int k) {
  const int c = k / t.s.taps(), r = k % t.s.taps() / t.s.kernel_w, q = k % t.s.kernel_w;
  return r * t.s.dilation_h * t.patch_stride + q * t.s.dilation_w * t.s.in_channels + c;
}

/// patch[row][column][channel] = x, 0 outside of the image. f32 arrives later: copy_async.
template <class T>
__device__ __forceinline__ void load_patch(const Tiling& t, const Tile& tile,
                                           const ActivationStrides& strides, const T* x, float* patch) {
  const int first_h = tile.i * t.s.stride_h - t.s.padding_h, first_w = tile.j * t.s.stride_w - t.s.padding_w;
  const T* image = x + tile.n * strides.n;
#pragma unroll 4
  for (int index = static_cast<int>(threadIdx.x); index < t.patch_size(); index += threads) {
    const int row = t.of_patch_row.quotient(index), k = t.of_patch_row.remainder(index, row);
    const int column = t.of_pixel.quotient(k), c = t.of_pixel.remainder(k, column);
    const int h = first_h + row, w = first_w + column;
    const bool inside = h >= 0 && h < t.s.in_h && w >= 0 && w < t.s.in_w;
    const T* const from = image + (inside ? h * strides.h + w * strides.w + c * strides.c : 0);
    if constexpr (sizeof(T) == 4)
      copy_async<4>(patch + index, from, inside ? 4 : 0);
    else
      patch[index] = inside ? to_float(*from) : 0.0f;
  }
  copy_async_commit();
}

/// Calls work(tile, patch) for the block's tiles with the pixels of each. With two patches, the pixels of the next tile
/// are on their way meanwhile; the loop then begins a tile before the first.
template <class T, class Work>
__device__ __forceinline__ void for_each_tile(const Tiling& t, const ActivationStrides& strides, const T* x,
                                              float* patches, Work&& work) {
  const int ahead = t.patches - 1, step = static_cast<int>(gridDim.x);
  float *patch = patches, *other = patches + ahead * t.patch_size();
  for (int number = static_cast<int>(blockIdx.x) - ahead * step; number < t.tiles; number += step) {
    copy_async_wait<0>();
    __syncthreads();  // with two patches: the pixels are here; with any: those of the last tile are no longer needed
    const int loading = number + ahead * step;
    if (loading < t.tiles) load_patch(t, tile_of(t, loading), strides, x, other);
    if (ahead == 0) {
      copy_async_wait<0>();
      __syncthreads();
    }
    if (number >= 0) work(tile_of(t, number), patch);
    float* const now = patch;
    patch = other;
    other = now;
  }
}

__device__ __forceinline__ std::int64_t pixel_offset(const Tiling& t, int n, const Result& result) {
  return ((static_cast<std::int64_t>(n) * t.s.out_h + result.i) * t.s.out_w + result.j) * t.s.out_channels;
}

constexpr std::size_t max_double_bytes = 16 * 1024;  // of a patch that there are two of: others block no SM

inline std::size_t patch_bytes(const Tiling& t) {
  return static_cast<std::size_t>(t.patch_size()) * sizeof(float);
}

inline Tiling make_tiling(const Conv2dProblem& problem, const void* y) {
  Tiling t{};
  const Conv2dShape s = t.s = to_shape(problem);
  t.tiles_w = static_cast<int>(ceil_div(s.out_w, 128));
  t.tile_columns = static_cast<int>(ceil_div(s.out_w, t.tiles_w));
  t.tile_rows = std::min(4, s.out_h);
  t.tiles_h = static_cast<int>(ceil_div(s.out_h, t.tile_rows));
  t.tiles = s.batch * t.tiles_h * t.tiles_w;
  t.patch_rows = (t.tile_rows - 1) * s.stride_h + (s.kernel_h - 1) * s.dilation_h + 1;
  t.patch_stride = ((t.tile_columns - 1) * s.stride_w + (s.kernel_w - 1) * s.dilation_w + 1) * s.in_channels;
  t.groups = std::min(max_groups, static_cast<int>(ceil_div(s.out_channels, width)));
  t.lanes = threads / t.groups;
  t.patches = patch_bytes(t) <= max_double_bytes ? 2 : 1;
  t.of_tile_row = Divisor(t.tile_columns);
  t.of_patch_row = Divisor(t.patch_stride);
  t.of_pixel = Divisor(s.in_channels);
  t.of_taps = Divisor(t.taps());
  t.aligned = reinterpret_cast<std::uintptr_t>(y) % (width * size_of(problem.activation)) == 0 &&
              s.out_channels % width == 0;
  return t;
}

inline std::size_t patches_bytes(const Tiling& t) {
  return static_cast<std::size_t>(t.patches) * patch_bytes(t);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE::few_channels
