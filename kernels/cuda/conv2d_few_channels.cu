// conv2d with 1 to 4 input channels (the first layer of a network), y channels_last, x in either layout: an
// input pixel has too few channels for a tensor core's depth, and the large side is y.
//
//   forward  y[n,i,j,o] = bias[o] + sum over taps k of x[n, pixel of k] filter[o,k]
//   filter   d_filter[o,k] = sum over n, i, j of dy[n,i,j,o] x[n, pixel of k];  d_bias[o] = sum of dy
// where k = (c, r, q) in the filter's own order.
//
// Bytes: x once, y or dy once: 404 MB for the report's first layer at batch 60 (1 x 224 x 224 to 32 x 226 x
// 226, f32), 0.13 ms at 3 TB/s. Operations: 2 N H' W' O C kH kW = 1.8 GFLOP, 0.03 ms of plain f32 arithmetic,
// so results have the accuracy of Precision::fp32 in every precision. Bound by memory.
//
// A block keeps the pixels that a tile of 4 rows of results sees in shared memory, where there is room those
// of its next tile, too, which arrive meanwhile. A thread owns 4 neighbouring output channels, neighbouring
// threads make whole rows of memory, 16 bytes (f32) or 8 (bf16) each.
//   forward, registers  the weights of up to 9 taps stay in registers: one load of x feeds 4 multiply-adds
//   forward, shared     weights in shared memory, 4 results a thread: one load of weights feeds 16
//   filter              9 or 28 taps a thread in registers; more taps read dy again (blockIdx.y)
#include "kernels/cuda/conv2d.h"
#include "kernels/cuda/elements.h"
#include "kernels/cuda/fast_division.h"
#include "kernels/cuda/filter_partials.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

constexpr int threads = 256;
constexpr int width = 4;         // channels of a thread
constexpr int most_groups = 16;  // threads beside each other along the channels
constexpr int block_channels = width * most_groups;

/// How the results are cut into tiles, and a block's threads into lanes x groups.
struct Tiling {
  Conv2dShape s;
  int tile_rows, tile_columns;   ///< results
  int tiles_h, tiles_w, tiles;   ///< of an image, of all
  int patch_rows, patch_stride;  ///< pixels that a tile sees: rows, and floats of a row
  int patches;                   ///< in shared memory: 2, or 1 if they are large
  int groups, lanes;
  Divisor of_tile_row, of_patch_row, of_pixel;  ///< tile_columns, patch_stride, s.in_channels
  bool aligned;                                 ///< y's pixels, to 4 elements

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

/// Calls work(tile, patch) for the block's tiles with the pixels of each.
template <class T, class Work>
__device__ __forceinline__ void for_each_tile(const Tiling& t, const ActivationStrides& strides, const T* x,
                                              float* patches, Work&& work) {
  float *patch = patches, *other = patches + (t.patches - 1) * t.patch_size();
  const int step = static_cast<int>(gridDim.x);
  int number = static_cast<int>(blockIdx.x);
  if (number < t.tiles) load_patch(t, tile_of(t, number), strides, x, patch);
  while (number < t.tiles) {
    copy_async_wait<0>();
    __syncthreads();  // the pixels are here, and those of the last tile are no longer needed
    const int next = number + step;
    if (t.patches == 2 && next < t.tiles) load_patch(t, tile_of(t, next), strides, x, other);
    work(tile_of(t, number), patch);
    if (t.patches == 1) {
      __syncthreads();
      if (next < t.tiles) load_patch(t, tile_of(t, next), strides, x, patch);
    }
    float* const now = patch;
    patch = other;
    other = now;
    number = next;
  }
}

/// Up to 4 neighbouring channels of y or dy.
struct Channels {
  float value[width];
};
template <class T>
struct alignas(width * sizeof(T)) Packed {
  T value[width];
};
template <class T>
__device__ __forceinline__ Channels load_channels(const T* from, int valid, bool aligned) {
  Channels channels{};
  if (aligned && valid == width) {
    const Packed<T> packed = *reinterpret_cast<const Packed<T>*>(from);
#pragma unroll
    for (int i = 0; i < width; ++i) channels.value[i] = to_float(packed.value[i]);
  } else {
#pragma unroll
    for (int i = 0; i < width; ++i)
      if (i < valid) channels.value[i] = to_float(from[i]);
  }
  return channels;
}
template <class T>
__device__ __forceinline__ void store_channels(T* to, const float (&values)[width], int valid, bool aligned) {
  if (aligned && valid == width) {
    if constexpr (sizeof(T) == 2)
      *reinterpret_cast<uint2*>(to) =
          make_uint2(pack_bf16(values[0], values[1]), pack_bf16(values[2], values[3]));
    else
      *reinterpret_cast<float4*>(to) = make_float4(values[0], values[1], values[2], values[3]);
  } else {
#pragma unroll
    for (int i = 0; i < width; ++i)
      if (i < valid) to[i] = from_float<T>(values[i]);
  }
}
__device__ __forceinline__ std::int64_t pixel_offset(const Tiling& t, int n, const Result& result) {
  return ((static_cast<std::int64_t>(n) * t.s.out_h + result.i) * t.s.out_w + result.j) * t.s.out_channels;
}

template <class T, int Taps>
__global__ void __launch_bounds__(threads, 3)
    few_channels_registers_kernel(Tiling t, ActivationStrides x_strides, const T* x, const float* filter,
                                  const float* bias, T* y) {
  XR_DYNAMIC_SHARED(float, patches);
  const Share share = share_of(t, static_cast<int>(blockIdx.y) * block_channels);
  int offsets[Taps];
  float weights[Taps][width] = {}, biases[width] = {};
#pragma unroll
  for (int k = 0; k < Taps; ++k) {
    const bool exists = k < t.taps();
    offsets[k] = exists ? tap_offset(t, k) : 0;
#pragma unroll
    for (int i = 0; i < width; ++i)
      if (exists && i < share.valid) weights[k][i] = filter[(share.channel + i) * t.taps() + k];
  }
#pragma unroll
  for (int i = 0; i < width; ++i)
    if (bias != nullptr && i < share.valid) biases[i] = bias[share.channel + i];

  for_each_tile(t, x_strides, x, patches, [&](const Tile& tile, const float* patch) {
    if (share.valid == 0) return;
    for (int index = share.lane; index < t.tile_rows * t.tile_columns; index += t.lanes) {
      const Result result = result_of(t, tile, index);
      if (!result.exists) continue;
      float sums[width];
#pragma unroll
      for (int i = 0; i < width; ++i) sums[i] = biases[i];
#pragma unroll
      for (int k = 0; k < Taps; ++k) {
        const float pixel = patch[result.from + offsets[k]];
#pragma unroll
        for (int i = 0; i < width; ++i) sums[i] = fmaf(pixel, weights[k][i], sums[i]);
      }
      store_channels(y + pixel_offset(t, tile.n, result) + share.channel, sums, share.valid, t.aligned);
    }
  });
}

template <class T>
__global__ void __launch_bounds__(threads, 2)
    few_channels_shared_kernel(Tiling t, ActivationStrides x_strides, const T* x, const float* filter,
                               const float* bias, T* y) {
  constexpr int pixels = 4;
  XR_DYNAMIC_SHARED(float, weights);  // [tap][channel of the block], then the patches
  const int first_channel = static_cast<int>(blockIdx.y) * block_channels;
  const Share share = share_of(t, first_channel);
  for (int k = static_cast<int>(threadIdx.x); k < t.taps() * block_channels; k += threads) {
    const int channel = first_channel + k % block_channels, tap = k / block_channels;
    weights[k] = channel < t.s.out_channels ? filter[channel * t.taps() + tap] : 0.0f;
  }
  float biases[width] = {};
#pragma unroll
  for (int i = 0; i < width; ++i)
    if (bias != nullptr && i < share.valid) biases[i] = bias[share.channel + i];

  for_each_tile(
      t, x_strides, x, weights + t.taps() * block_channels, [&](const Tile& tile, const float* patch) {
        if (share.valid == 0) return;
        for (int first = share.lane; first < t.tile_rows * t.tile_columns; first += pixels * t.lanes) {
          Result results[pixels];
          float sums[pixels][width];
#pragma unroll
          for (int p = 0; p < pixels; ++p) {
            results[p] = result_of(t, tile, first + p * t.lanes);
#pragma unroll
            for (int i = 0; i < width; ++i) sums[p][i] = biases[i];
          }
          const float* tap_weights = weights + (share.channel - first_channel);
          for (int c = 0; c < t.s.in_channels; ++c)
            for (int r = 0; r < t.s.kernel_h; ++r) {
              int offset = r * t.s.dilation_h * t.patch_stride + c;
              for (int q = 0; q < t.s.kernel_w; ++q) {
                const float4 w = *reinterpret_cast<const float4*>(tap_weights);
#pragma unroll
                for (int p = 0; p < pixels; ++p) {
                  const float pixel = patch[results[p].from + offset];
                  sums[p][0] = fmaf(pixel, w.x, sums[p][0]);
                  sums[p][1] = fmaf(pixel, w.y, sums[p][1]);
                  sums[p][2] = fmaf(pixel, w.z, sums[p][2]);
                  sums[p][3] = fmaf(pixel, w.w, sums[p][3]);
                }
                tap_weights += block_channels;
                offset += t.s.dilation_w * t.s.in_channels;
              }
            }
#pragma unroll
          for (int p = 0; p < pixels; ++p)
            if (results[p].exists)
              store_channels(y + pixel_offset(t, tile.n, results[p]) + share.channel, sums[p], share.valid,
                             t.aligned);
        }
      });
}

/// Block (split, chunk of Taps taps, 64 channels): sums of the tiles split, split + gridDim.x, ...
template <class T, int Taps>
__global__ void __launch_bounds__(threads, Taps > 9 ? 1 : 2)
    few_channels_filter_kernel(Tiling t, ActivationStrides x_strides, const T* x, const T* dy,
                               FilterPartials partials) {
  constexpr int pixels = 4;          // loads of dy in flight
  XR_DYNAMIC_SHARED(float, shared);  // the patches; at the end one value of each channel and lane
  const int first_channel = static_cast<int>(blockIdx.z) * block_channels;
  const int first_tap = static_cast<int>(blockIdx.y) * Taps;
  const Share share = share_of(t, first_channel);
  int offsets[Taps];
  float sums[Taps + 1][width] = {};  // the last one: of dy alone
#pragma unroll
  for (int k = 0; k < Taps; ++k) offsets[k] = first_tap + k < t.taps() ? tap_offset(t, first_tap + k) : 0;

  for_each_tile(t, x_strides, x, shared, [&](const Tile& tile, const float* patch) {
    if (share.valid == 0) return;
    for (int first = share.lane; first < t.tile_rows * t.tile_columns; first += pixels * t.lanes) {
      Result results[pixels];
      Channels gradients[pixels];
#pragma unroll
      for (int p = 0; p < pixels; ++p) {
        results[p] = result_of(t, tile, first + p * t.lanes);
        gradients[p] = load_channels(dy + pixel_offset(t, tile.n, results[p]) + share.channel,
                                     results[p].exists ? share.valid : 0, t.aligned);
      }
#pragma unroll
      for (int p = 0; p < pixels; ++p) {
#pragma unroll
        for (int k = 0; k < Taps; ++k) {
          const float pixel = patch[results[p].from + offsets[k]];
#pragma unroll
          for (int i = 0; i < width; ++i) sums[k][i] = fmaf(pixel, gradients[p].value[i], sums[k][i]);
        }
#pragma unroll
        for (int i = 0; i < width; ++i) sums[Taps][i] += gradients[p].value[i];
      }
    }
  });

  // The lanes' sums, tap by tap: thread i adds up those of channel i in order.
  float* const row = partials.row(static_cast<int>(blockIdx.x));
  const int columns = t.groups * width, mine = static_cast<int>(threadIdx.x);
#pragma unroll
  for (int k = 0; k <= Taps; ++k) {
    __syncthreads();
    if (share.lane < t.lanes)
#pragma unroll
      for (int i = 0; i < width; ++i)
        shared[share.lane * columns + (share.channel - first_channel) + i] = sums[k][i];
    __syncthreads();
    const int o = first_channel + mine, tap = first_tap + k;
    if (mine >= columns || o >= t.s.out_channels) continue;
    float sum = 0.0f;
    for (int lane = 0; lane < t.lanes; ++lane) sum += shared[lane * columns + mine];
    if (k < Taps && tap < t.taps())
      row[static_cast<std::int64_t>(o) * t.taps() + tap] = sum;
    else if (k == Taps && blockIdx.y == 0 && partials.bias_count > 0)
      row[partials.filter_count + o] = sum;
  }
}

constexpr std::size_t most_shared_bytes = 96 * 1024;
constexpr std::size_t most_double_bytes = 16 * 1024;  // of a patch that there are two of: others block no SM

std::size_t patch_bytes(const Tiling& t) {
  return static_cast<std::size_t>(t.patch_size()) * sizeof(float);
}

Tiling make_tiling(const Conv2dProblem& problem, const void* y) {
  Tiling t{};
  const Conv2dShape s = t.s = to_shape(problem);
  t.tiles_w = static_cast<int>(ceil_div(s.out_w, 128));
  t.tile_columns = static_cast<int>(ceil_div(s.out_w, t.tiles_w));
  t.tile_rows = std::min(4, s.out_h);
  t.tiles_h = static_cast<int>(ceil_div(s.out_h, t.tile_rows));
  t.tiles = s.batch * t.tiles_h * t.tiles_w;
  t.patch_rows = (t.tile_rows - 1) * s.stride_h + (s.kernel_h - 1) * s.dilation_h + 1;
  t.patch_stride = ((t.tile_columns - 1) * s.stride_w + (s.kernel_w - 1) * s.dilation_w + 1) * s.in_channels;
  t.groups = std::min(most_groups, static_cast<int>(ceil_div(s.out_channels, width)));
  t.lanes = threads / t.groups;
  t.patches = patch_bytes(t) <= most_double_bytes ? 2 : 1;
  t.of_tile_row = Divisor(t.tile_columns);
  t.of_patch_row = Divisor(t.patch_stride);
  t.of_pixel = Divisor(s.in_channels);
  t.aligned = reinterpret_cast<std::uintptr_t>(y) % (width * size_of(problem.activation)) == 0 &&
              s.out_channels % width == 0;
  return t;
}

std::size_t patches_bytes(const Tiling& t) {
  return static_cast<std::size_t>(t.patches) * patch_bytes(t);
}

std::size_t weight_bytes(const Tiling& t) {
  return static_cast<std::size_t>(t.taps() * block_channels) * sizeof(float);
}

}  // namespace

bool suits_few_channels(const Conv2dProblem& problem) {
  if (problem.params.groups != 1 || problem.in_channels > 4 ||
      !has_channels_last(problem.y_layout, problem.y_shape()) || problem.batch == 0)
    return false;
  const Tiling t = make_tiling(problem, nullptr);
  return patches_bytes(t) + weight_bytes(t) <= most_shared_bytes;
}

void launch_few_channels(KernelBackend& backend, const Conv2dProblem& problem, const Conv2dForward& call) {
  constexpr int register_taps = 9;
  const Tiling t = make_tiling(problem, call.y.data);
  const std::string& forced = backend.options().variant;
  const bool in_registers =
      t.taps() <= register_taps && forced.find("few_channels_shared") == std::string::npos;
  const dim3 grid(static_cast<unsigned>(std::min<std::int64_t>(t.tiles, 9 * 132)),
                  static_cast<unsigned>(ceil_div(t.s.out_channels, block_channels)));
  with_activation_type("conv2d_forward", problem.activation, [&](auto type) {
    using T = decltype(type);
    const LaunchPlan plan{
        in_registers ? "conv2d_forward_few_channels_registers" : "conv2d_forward_few_channels_shared",
        grid,
        threads,
        in_registers ? patches_bytes(t) : patches_bytes(t) + weight_bytes(t),
        bytes_of(call),
        problem.operations()};
    backend.run(
        plan, in_registers ? few_channels_registers_kernel<T, register_taps> : few_channels_shared_kernel<T>,
        t, strides_of(problem.x_layout, problem.x_shape()), call.x.as<T>(), call.filter.as<float>(),
        call.bias.as<float>(), call.y.as<T>());
  });
}

void launch_few_channels(KernelBackend& backend, const Conv2dProblem& problem,
                         const Conv2dBackwardFilter& call) {
  const Tiling t = make_tiling(problem, call.dy.data);
  const FilterPartials partials = make_filter_partials(backend, call, std::min(t.tiles, 4 * 132));
  const std::size_t lane_sums = static_cast<std::size_t>(threads * width) * sizeof(float);
  const auto launch = [&](auto type, auto taps, const char* name) {
    using T = decltype(type);
    const dim3 grid(static_cast<unsigned>(partials.splits), static_cast<unsigned>(ceil_div(t.taps(), taps())),
                    static_cast<unsigned>(ceil_div(t.s.out_channels, block_channels)));
    backend.run(
        {name, grid, threads, std::max(patches_bytes(t), lane_sums), bytes_of(call), problem.operations()},
        few_channels_filter_kernel<T, taps()>, t, strides_of(problem.x_layout, problem.x_shape()),
        call.x.as<T>(), call.dy.as<T>(), partials);
  };
  with_activation_type("conv2d_backward_filter", problem.activation, [&](auto type) {
    if (t.taps() <= 9)
      launch(type, std::integral_constant<int, 9>(), "conv2d_backward_filter_few_channels_9");
    else
      launch(type, std::integral_constant<int, 28>(), "conv2d_backward_filter_few_channels_28");
  });
  sum_filter_partials(backend, call, partials);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
