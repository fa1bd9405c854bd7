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
  const int split = static_cast<int>(blockIdx.x);
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
      partials.store(partials.filter_of(split) + static_cast<std::int64_t>(o) * t.taps() + tap, sum);
    else if (k == Taps && blockIdx.y == 0 && partials.bias_count > 0)
      partials.store(partials.bias_of(split) + o, sum);
  }
}

}  // namespace

void launch_few_channels(KernelBackend& backend, const Conv2dProblem& problem,
                         const Conv2dBackwardFilter& call) {
  const Tiling t = make_tiling(problem, call.dy.data);
  const FilterPartials partials =
      make_filter_partials(backend, call, std::min(t.tiles, 4 * multiprocessors), false);
  const std::size_t lane_sums = static_cast<std::size_t>(threads * width) * sizeof(float);
  const auto launch = [&](auto type, auto taps, const char* name) {
    using T = decltype(type);
    const dim3 grid(static_cast<unsigned>(partials.splits), static_cast<unsigned>(ceil_div(t.taps(), taps())),
                    static_cast<unsigned>(ceil_div(t.s.out_channels, block_channels)));
    backend.run(
        {name, grid, threads, std::max(patches_bytes(t), lane_sums), call.bytes(), problem.operations()},
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
