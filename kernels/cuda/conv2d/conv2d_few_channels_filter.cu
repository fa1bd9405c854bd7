// The filter gradient of conv2d with 1 to 4 input channels, dy channels_last, x in either layout:
//
//   d_filter[o,k] = sum over n, i, j of dy[n,i,j,o] x[n, pixel of k];  d_bias[o] = sum of dy
//
// where k = (c, r, q) in the filter's own order. A thread has 9 or 28 taps in registers; more taps read dy
// again (blockIdx.y). A block's sums go to the workspace; a second pass adds them up in order. Bytes and
// operations as in conv2d_few_channels.cu, with dy in the place of y.
#include "kernels/cuda/conv2d/conv2d_few_channels.h"
#include "kernels/cuda/conv2d/filter_partials.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

using namespace few_channels;

namespace {

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

constexpr int taps_at_once = 4;  // whose lanes' sums are in shared memory

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

  // The lanes' sums, some taps at once: a thread adds up those of one channel and tap in order. The results
  // then leave as they lie in memory.
  const int split = static_cast<int>(blockIdx.x), thread = static_cast<int>(threadIdx.x);
  const int columns = t.groups * width, part = thread / columns, column = thread - part * columns;
  const int taps = min(Taps, t.taps() - first_tap);
  float* const results = shared + taps_at_once * threads * width;  // [channel][tap], then dy alone
#pragma unroll
  for (int first = 0; first <= Taps; first += taps_at_once) {
    __syncthreads();
    if (share.lane < t.lanes) {
#pragma unroll
      for (int k = first; k < first + taps_at_once; ++k)
        if (k <= Taps)
          *reinterpret_cast<float4*>(shared + ((k - first) * threads + thread) * width) =
              make_float4(sums[k][0], sums[k][1], sums[k][2], sums[k][3]);
    }
    __syncthreads();
    const int k = first + part;
    if (part >= taps_at_once || (k >= taps && k != Taps)) continue;
    float sum = 0.0f;
    for (int lane = 0; lane < t.lanes; ++lane)
      sum += shared[part * threads * width + lane * columns + column];
    results[k == Taps ? columns * taps + column : column * taps + k] = sum;
  }
  __syncthreads();
  const int channels = min(columns, t.s.out_channels - first_channel);
  float* const to =
      partials.filter_of(split) + static_cast<std::int64_t>(first_channel) * t.taps() + first_tap;
  for (int i = thread; i < channels * taps; i += threads) {
    const int channel = i / taps;
    partials.store(to + channel * (t.taps() - taps) + i, results[i]);
  }
  if (blockIdx.y == 0 && partials.bias_count > 0 && thread < channels)
    partials.store(partials.bias_of(split) + first_channel + thread, results[columns * taps + thread]);
}

}  // namespace

void launch_few_channels(KernelBackend& backend, const Conv2dProblem& problem,
                         const Conv2dBackwardFilter& call) {
  const Tiling t = make_tiling(problem, call.dy.data);
  const FilterPartials partials =
      make_filter_partials(backend, call, std::min(t.tiles, 4 * multiprocessors), false);
  const auto launch = [&](auto type, auto taps, const char* name) {
    using T = decltype(type);
    constexpr std::size_t sums =
        static_cast<std::size_t>(taps_at_once * threads * width + block_channels * (taps + 1)) *
        sizeof(float);
    const dim3 grid(static_cast<unsigned>(partials.splits), static_cast<unsigned>(ceil_div(t.taps(), taps())),
                    static_cast<unsigned>(ceil_div(t.s.out_channels, block_channels)));
    backend.run({name, grid, threads, std::max(patches_bytes(t), sums), call.bytes(), problem.operations()},
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
