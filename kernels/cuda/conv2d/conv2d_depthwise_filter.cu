// The filter gradient of depthwise conv2d with 3x3 or 5x5 taps and stride 1 or 2, channels_last:
//
//   d_filter[c,r,q] = sum over n, i, j of dy[n,i,j,c] x[n, i s - ph + r, j s - pw + q, c]
//   d_bias[c]       = sum over n, i, j of dy[n,i,j,c]
//
// A warp has 64 channels, two a lane, and rows of dy; a thread has the sums of all taps. The rows are cut into
// splits, a block each for every 64 channels; its eight warps' sums are added in fixed order in shared memory,
// and a second pass adds the splits' (filter_partials.cu).
//
// Bytes: x and dy once. Operations: 2 N C H' W' kH kW, in f32.
#include "kernels/cuda/conv2d/conv2d.h"
#include "kernels/cuda/conv2d/filter_partials.h"
#include "kernels/cuda/index_division.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

constexpr int warps = 8, block_channels = 64;

struct DepthwiseFilter {
  const void *x, *dy;
  Conv2dShape s;
  int rows_per_split;  ///< of the N H' rows of dy
  FilterPartials partials;
};

/// Two neighbouring channels.
template <class T>
__device__ __forceinline__ void load_pair(const T* from, float (&to)[2]) {
  T raw[2];
  if constexpr (sizeof(T) == 4) {
    const float2 packed = *reinterpret_cast<const float2*>(from);
    memcpy(raw, &packed, sizeof packed);
  } else {
    const unsigned packed = *reinterpret_cast<const unsigned*>(from);
    memcpy(raw, &packed, sizeof packed);
  }
  to[0] = to_float(raw[0]);
  to[1] = to_float(raw[1]);
}

template <class T, int Kernel, int Stride>
__global__ void __launch_bounds__(32 * warps) depthwise_filter_kernel(DepthwiseFilter g) {
  constexpr int taps = Kernel * Kernel, columns = 4, window = (columns - 1) * Stride + Kernel;
  __shared__ __align__(8) float shared[warps / 2][taps + 1][block_channels];
  const Conv2dShape& s = g.s;
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  const int channel = static_cast<int>(blockIdx.x) * block_channels + 2 * lane,
            split = static_cast<int>(blockIdx.y);
  const bool exists = channel < s.in_channels;
  const int first = split * g.rows_per_split, end = min(s.batch * s.out_h, first + g.rows_per_split);
  float sums[taps + 1][2] = {};  // the last is the bias's
  for (int row = first + warp; row < end && exists; row += warps) {
    const int n = row / s.out_h, top = (row - n * s.out_h) * Stride - s.padding_h;
    const T* const dy =
        static_cast<const T*>(g.dy) + static_cast<std::int64_t>(row) * s.out_w * s.out_channels + channel;
    const T* const x =
        static_cast<const T*>(g.x) + static_cast<std::int64_t>(n) * s.in_h * s.in_w * s.in_channels + channel;
    for (int j = 0; j < s.out_w; j += columns) {
      const int left = j * Stride - s.padding_w;
      float gradient[columns][2] = {};
#pragma unroll
      for (int t = 0; t < columns; ++t) {
        if (j + t < s.out_w) load_pair(dy + static_cast<std::int64_t>(j + t) * s.out_channels, gradient[t]);
        sums[taps][0] += gradient[t][0];
        sums[taps][1] += gradient[t][1];
      }
#pragma unroll
      for (int r = 0; r < Kernel; ++r) {
        const int h = top + r;
        if (h < 0 || h >= s.in_h) continue;
#pragma unroll
        for (int k = 0; k < window; ++k) {
          const int w = left + k;
          if (w < 0 || w >= s.in_w) continue;
          float value[2];
          load_pair(x + (static_cast<std::int64_t>(h) * s.in_w + w) * s.in_channels, value);
#pragma unroll
          for (int t = 0; t < columns; ++t) {
            if (k - t * Stride < 0 || k - t * Stride >= Kernel) continue;
            sums[r * Kernel + k - t * Stride][0] += value[0] * gradient[t][0];
            sums[r * Kernel + k - t * Stride][1] += value[1] * gradient[t][1];
          }
        }
      }
    }
  }
  for (int half = warps / 2; half > 0; half /= 2) {
    if (warp >= half && warp < 2 * half) {
#pragma unroll
      for (int tap = 0; tap <= taps; ++tap) {
        *reinterpret_cast<float2*>(&shared[warp - half][tap][2 * lane]) =
            make_float2(sums[tap][0], sums[tap][1]);
      }
    }
    __syncthreads();
    if (warp < half) {
#pragma unroll
      for (int tap = 0; tap <= taps; ++tap) {
        const float2 other = *reinterpret_cast<const float2*>(&shared[warp][tap][2 * lane]);
        sums[tap][0] += other.x;
        sums[tap][1] += other.y;
      }
    }
    __syncthreads();
  }
  if (warp != 0 || !exists) return;
#pragma unroll
  for (int v = 0; v < 2; ++v) {
    float* const to = g.partials.filter_of(split) + (channel + v) * taps;
#pragma unroll
    for (int tap = 0; tap < taps; ++tap) g.partials.store(to + tap, sums[tap][v]);
    if (g.partials.bias_count > 0) g.partials.store(g.partials.bias_of(split) + channel + v, sums[taps][v]);
  }
}

/// 3 or 5 taps and stride 1 or 2 in both dimensions, without dilation.
bool is_compiled(const Conv2dProblem& p) {
  const Conv2dParams& q = p.params;
  return p.kernel_h == p.kernel_w && (p.kernel_h == 3 || p.kernel_h == 5) && q.stride_h == q.stride_w &&
         (q.stride_h == 1 || q.stride_h == 2) && q.dilation_h == 1 && q.dilation_w == 1;
}

}  // namespace

bool suits_depthwise_filter(const Conv2dProblem& p, const ConstView& x, const ConstView& dy) {
  return is_compiled(p) && suits_depthwise(p, x, dy);
}

void launch_depthwise(KernelBackend& backend, const Conv2dProblem& problem,
                      const Conv2dBackwardFilter& call) {
  const Conv2dShape s = to_shape(problem);
  const std::int64_t rows = problem.batch * problem.out_h,
                     chunks = ceil_div(problem.in_channels, block_channels);
  constexpr std::int64_t blocks = 4 * multiprocessors;
  const std::int64_t wanted = std::clamp<std::int64_t>(blocks / chunks, 1, ceil_div(rows, warps)),
                     per_split = ceil_div(rows, wanted);
  const FilterPartials partials =
      make_filter_partials(backend, call, static_cast<int>(ceil_div(rows, per_split)), false);
  const DepthwiseFilter g{call.x.data, call.dy.data, s, to_int(per_split, "rows"), partials};
  const dim3 grid(static_cast<unsigned>(chunks), static_cast<unsigned>(partials.splits));
  with_activation_type(call.name, problem.activation, [&](auto type) {
    using T = decltype(type);
    const auto launch = [&](auto* kernel) {
      backend.run(
          {"conv2d_backward_filter_depthwise", grid, 32 * warps, 0, call.bytes(), problem.operations()},
          kernel, g);
    };
    if (s.kernel_h == 3)
      launch(s.stride_h == 1 ? depthwise_filter_kernel<T, 3, 1> : depthwise_filter_kernel<T, 3, 2>);
    else
      launch(s.stride_h == 1 ? depthwise_filter_kernel<T, 5, 1> : depthwise_filter_kernel<T, 5, 2>);
  });
  sum_filter_partials(backend, call, partials);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
