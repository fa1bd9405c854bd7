// conv2d with 1 to 4 input channels (the first layer of a network), y channels_last, x in either layout: an
// input pixel has too few channels for a tensor core's depth, and the large side is y.
//
//   y[n,i,j,o] = bias[o] + sum over taps k of x[n, pixel of k] filter[o,k]
//
// where k = (c, r, q) in the filter's own order.
//
// Bytes: x once, y once: 404 MB for the report's first layer at batch 60 (1 x 224 x 224 to 32 x 226 x
// 226, f32), 0.13 ms at 3 TB/s. Operations: 2 N H' W' O C kH kW = 1.8 GFLOP, 0.03 ms of plain f32 arithmetic,
// so results have the accuracy of Precision::fp32 in every precision. Bound by memory.
//
//   registers  the weights of up to 9 taps stay in registers: one load of x feeds 4 multiply-adds
//   shared     weights in shared memory, 4 results a thread: one load of weights feeds 16
#include "kernels/cuda/conv2d/conv2d_few_channels.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

using namespace few_channels;

namespace {

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

/// Floats from tap to tap of a block's weights in shared memory. 16 bytes more than the channels, so that the
/// stores of load_weights, which go along the taps, meet eight times as many banks.
constexpr int weight_stride = block_channels + width;

/// weights[tap][channel] of the block's channels, then their biases; 0 where there is none. The last thing that
/// is done is a barrier.
__device__ __forceinline__ void load_weights(const Tiling& t, int first_channel, const float* filter,
                                             const float* bias, float* weights) {
  const int channels = min(t.s.out_channels - first_channel, block_channels);
  const int thread = static_cast<int>(threadIdx.x);
  const float* const from = filter + first_channel * t.taps();
  for (int i = thread; i < block_channels * t.taps(); i += threads) {
    const int channel = t.of_taps.quotient(i), tap = t.of_taps.remainder(i, channel);
    weights[tap * weight_stride + channel] = channel < channels ? from[i] : 0.0f;
  }
  if (thread < block_channels)
    weights[t.taps() * weight_stride + thread] =
        bias != nullptr && thread < channels ? bias[first_channel + thread] : 0.0f;
  __syncthreads();
}

template <class T, int Taps>
__global__ void __launch_bounds__(threads, 3)
    few_channels_registers_kernel(Tiling t, ActivationStrides x_strides, const T* x, const float* filter,
                                  const float* bias, T* y) {
  XR_DYNAMIC_SHARED(float, shared);  // the weights, then the patches
  const int first_channel = static_cast<int>(blockIdx.y) * block_channels;
  const Share share = share_of(t, first_channel);
  load_weights(t, first_channel, filter, bias, shared);
  int offsets[Taps];
  float weights[Taps][width] = {};
#pragma unroll
  for (int k = 0; k < Taps; ++k) {
    const bool exists = k < t.taps();
    offsets[k] = exists ? tap_offset(t, k) : 0;
    if (!exists) continue;
    const float4 w =
        *reinterpret_cast<const float4*>(shared + k * weight_stride + (share.channel - first_channel));
    weights[k][0] = w.x;
    weights[k][1] = w.y;
    weights[k][2] = w.z;
    weights[k][3] = w.w;
  }
  const float* const biases = shared + t.taps() * weight_stride + (share.channel - first_channel);

  for_each_tile(
      t, x_strides, x, shared + (t.taps() + 1) * weight_stride, [&](const Tile& tile, const float* patch) {
        if (share.valid == 0) return;
        for (int index = share.lane; index < t.tile_rows * t.tile_columns; index += t.lanes) {
          const Result result = result_of(t, tile, index);
          if (!result.exists) continue;
          const float4 b = *reinterpret_cast<const float4*>(biases);
          float sums[width] = {b.x, b.y, b.z, b.w};
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
  load_weights(t, first_channel, filter, bias, weights);
  const float4 b =
      *reinterpret_cast<const float4*>(weights + t.taps() * weight_stride + (share.channel - first_channel));
  const float biases[width] = {b.x, b.y, b.z, b.w};

  for_each_tile(
      t, x_strides, x, weights + (t.taps() + 1) * weight_stride, [&](const Tile& tile, const float* patch) {
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
                tap_weights += weight_stride;
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

constexpr std::size_t max_shared_bytes = 96 * 1024;

std::size_t weight_bytes(const Tiling& t) {
  return static_cast<std::size_t>((t.taps() + 1) * weight_stride) * sizeof(float);
}

}  // namespace

bool suits_few_channels(const Conv2dProblem& problem) {
  if (problem.params.groups != 1 || problem.in_channels > 4 ||
      !has_channels_last(problem.y_layout, problem.y_shape()) || problem.batch == 0)
    return false;
  const Tiling t = make_tiling(problem, nullptr);
  return patches_bytes(t) + weight_bytes(t) <= max_shared_bytes;
}

void launch_few_channels(KernelBackend& backend, const Conv2dProblem& problem, const Conv2dForward& call) {
  constexpr int register_taps = 9;
  const Tiling t = make_tiling(problem, call.y.data);
  const bool in_registers = t.taps() <= register_taps && backend.options().variant != "few_channels_shared";
  const dim3 grid(static_cast<unsigned>(std::min<std::int64_t>(t.tiles, 9 * multiprocessors)),
                  static_cast<unsigned>(ceil_div(t.s.out_channels, block_channels)));
  with_activation_type("conv2d_forward", problem.activation, [&](auto type) {
    using T = decltype(type);
    const LaunchPlan plan{
        in_registers ? "conv2d_forward_few_channels_registers" : "conv2d_forward_few_channels_shared",
        grid,
        threads,
        patches_bytes(t) + weight_bytes(t),
        call.bytes(),
        problem.operations()};
    backend.run(
        plan, in_registers ? few_channels_registers_kernel<T, register_taps> : few_channels_shared_kernel<T>,
        t, strides_of(problem.x_layout, problem.x_shape()), call.x.as<T>(), call.filter.as<float>(),
        call.bias.as<float>(), call.y.as<T>());
  });
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
