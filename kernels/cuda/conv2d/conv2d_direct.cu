// conv2d, directly: each thread computes one element of the result from its definition. The readable
// reference of the other convolution kernels, and the answer where these do not fit: some groups, the contiguous
// layout, odd channel counts.
//
//   forward  y[n,o,i,j]      = bias[o] + sum over c, r, s of x[n, c, i sh - ph + r dh, j sw - pw + s dw]
//                              filter[o,c,r,s]
//   data     dx[n,c,h,w]     = sum over o, r, s of dy[n,o,i,j] filter[o,c,r,s]
//                              where i sh - ph + r dh = h and j sw - pw + s dw = w
//   filter   d_filter[o,c,r,s] = sum over n, i, j of dy[n,o,i,j] x[n, c, i sh - ph + r dh, j sw - pw + s dw]
//   bias     d_bias[o]       = sum over n, i, j of dy[n,o,i,j]
// with c in the group of o, and x, dy zero outside.
//
// Operations: 2 N O H' W' C / groups kH kW for each. Bytes: x, y and the filter once. It reads them from the
// caches kH kW C times instead, which binds it; all arithmetic is f32, so its results have the accuracy of
// Precision::fp32 in every precision.
#include "kernels/cuda/conv2d/conv2d.h"
#include "kernels/cuda/conv2d/filter_partials.h"
#include "kernels/cuda/elements.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

constexpr int threads = 128;

struct Position {
  int n, c, h, w;
};

/// Element `index` of an activation in the order of its memory, so that neighbouring threads are neighbours
/// there.
__device__ Position position_of(std::int64_t index, bool channels_last, int channels, int height, int width) {
  Position p{};
  if (channels_last) {
    p.c = static_cast<int>(index % channels);
    index /= channels;
  }
  p.w = static_cast<int>(index % width);
  index /= width;
  p.h = static_cast<int>(index % height);
  index /= height;
  if (!channels_last) {
    p.c = static_cast<int>(index % channels);
    index /= channels;
  }
  p.n = static_cast<int>(index);
  return p;
}

template <class T>
__global__ void forward_kernel(Conv2dShape s, ActivationStrides x_strides, bool channels_last, const T* x,
                               const float* filter, const float* bias, T* y) {
  const int group_in = max(1, s.in_channels / s.groups), group_out = s.out_channels / s.groups;
  const int kernel_h = max(1, s.kernel_h), kernel_w = max(1, s.kernel_w);  // nvcc is told that none is empty
  const std::int64_t count = static_cast<std::int64_t>(s.batch) * s.out_channels * s.out_h * s.out_w;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
       i += step) {
    const Position to = position_of(i, channels_last, s.out_channels, s.out_h, s.out_w);
    const int first_channel = to.c / group_out * group_in;
    const T* image = x + to.n * x_strides.n + first_channel * x_strides.c;
    const float* weights = filter + static_cast<std::int64_t>(to.c) * group_in * s.taps();
    float sum = bias == nullptr ? 0.0f : bias[to.c];
#pragma unroll 1
    for (int r = 0; r < kernel_h; ++r) {
      const int h = to.h * s.stride_h - s.padding_h + r * s.dilation_h;
      if (h < 0 || h >= s.in_h) continue;
#pragma unroll 1
      for (int q = 0; q < kernel_w; ++q) {
        const int w = to.w * s.stride_w - s.padding_w + q * s.dilation_w;
        if (w < 0 || w >= s.in_w) continue;
        const T* pixel = image + h * x_strides.h + w * x_strides.w;
#pragma unroll 4
        for (int c = 0; c < group_in; ++c)
          sum += to_float(pixel[c * x_strides.c]) * weights[c * s.taps() + r * s.kernel_w + q];
      }
    }
    y[i] = from_float<T>(sum);
  }
}

template <class T>
__global__ void backward_data_kernel(Conv2dShape s, ActivationStrides y_strides, bool channels_last,
                                     const T* dy, const float* filter, T* dx, GradientWrite write) {
  const int group_in = s.in_channels / s.groups, group_out = max(1, s.out_channels / s.groups);
  const int kernel_h = max(1, s.kernel_h), kernel_w = max(1, s.kernel_w);
  const std::int64_t count = static_cast<std::int64_t>(s.batch) * s.in_channels * s.in_h * s.in_w;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < count;
       i += step) {
    const Position to = position_of(i, channels_last, s.in_channels, s.in_h, s.in_w);
    const int first_out = to.c / group_in * group_out;
    const T* image = dy + to.n * y_strides.n + first_out * y_strides.c;
    const float* weights =
        filter + (static_cast<std::int64_t>(first_out) * group_in + to.c % group_in) * s.taps();
    float sum = 0.0f;
#pragma unroll 1
    for (int r = 0; r < kernel_h; ++r) {
      const int h = to.h + s.padding_h - r * s.dilation_h;
      if (h < 0 || h % s.stride_h != 0 || h / s.stride_h >= s.out_h) continue;
#pragma unroll 1
      for (int q = 0; q < kernel_w; ++q) {
        const int w = to.w + s.padding_w - q * s.dilation_w;
        if (w < 0 || w % s.stride_w != 0 || w / s.stride_w >= s.out_w) continue;
        const T* pixel = image + h / s.stride_h * y_strides.h + w / s.stride_w * y_strides.w;
#pragma unroll 4
        for (int o = 0; o < group_out; ++o)
          sum += to_float(pixel[o * y_strides.c]) *
                 weights[static_cast<std::int64_t>(o) * group_in * s.taps() + r * s.kernel_w + q];
      }
    }
    Elements<T, 1>{{sum}}.write(dx + i, write);
  }
}

/// Thread (element, blockIdx.y): the sum of one element of d_filter or, behind these, d_bias over
/// `chunk` output pixels. Neighbouring threads take neighbouring output channels.
template <class T>
__global__ void backward_filter_kernel(Conv2dShape s, ActivationStrides x_strides,
                                       ActivationStrides y_strides, const T* x, const T* dy, int chunk,
                                       FilterPartials partials) {
  const std::int64_t element = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (element >= partials.row_length()) return;
  const int group_in = s.in_channels / s.groups, group_out = s.out_channels / s.groups;
  const bool is_bias = element >= partials.filter_count;
  const int o = static_cast<int>(element % s.out_channels);
  const int tap = is_bias ? 0 : static_cast<int>(element / s.out_channels % s.taps());
  const int c = is_bias ? 0 : static_cast<int>(element / s.out_channels / s.taps());
  const int r = tap / s.kernel_w * s.dilation_h, q = tap % s.kernel_w * s.dilation_w;

  const std::int64_t pixels = static_cast<std::int64_t>(s.batch) * s.out_h * s.out_w;
  const std::int64_t begin = static_cast<std::int64_t>(blockIdx.y) * chunk;
  const std::int64_t end = min(begin + chunk, pixels);
  x += (o / group_out * group_in + c) * x_strides.c;
  dy += o * y_strides.c;
  float sum = 0.0f;
  const int image = s.out_h * s.out_w;
  int n = static_cast<int>(begin / image), j = static_cast<int>(begin % image);
  int i = j / s.out_w;
  j %= s.out_w;
  for (std::int64_t pixel = begin; pixel < end; ++pixel) {
    const int h = i * s.stride_h - s.padding_h + r, w = j * s.stride_w - s.padding_w + q;
    const bool inside = h >= 0 && h < s.in_h && w >= 0 && w < s.in_w;
    if (inside || is_bias) {
      const float gradient = to_float(dy[n * y_strides.n + i * y_strides.h + j * y_strides.w]);
      sum += is_bias ? gradient : gradient * to_float(x[n * x_strides.n + h * x_strides.h + w * x_strides.w]);
    }
    if (++j < s.out_w) continue;
    j = 0;
    if (++i < s.out_h) continue;
    i = 0;
    ++n;
  }
  const std::int64_t filter_element = (static_cast<std::int64_t>(o) * group_in + c) * s.taps() + tap;
  const int split = static_cast<int>(blockIdx.y);
  partials.store(is_bias ? partials.bias_of(split) + o : partials.filter_of(split) + filter_element, sum);
}

}  // namespace

void launch_direct(KernelBackend& backend, const Conv2dProblem& problem, const Conv2dForward& call) {
  const bool channels_last = has_channels_last(problem.y_layout, problem.y_shape());
  with_activation_type("conv2d_forward", problem.activation, [&](auto type) {
    using T = decltype(type);
    backend.run({"conv2d_forward_direct", blocks_for(call.y.numel(), threads), threads, 0, call.bytes(),
                 problem.operations()},
                forward_kernel<T>, to_shape(problem), strides_of(problem.x_layout, problem.x_shape()),
                channels_last, call.x.as<T>(), call.filter.as<float>(), call.bias.as<float>(),
                call.y.as<T>());
  });
}

void launch_direct(KernelBackend& backend, const Conv2dProblem& problem, const Conv2dBackwardData& call) {
  const bool channels_last = has_channels_last(problem.x_layout, problem.x_shape());
  with_activation_type("conv2d_backward_data", problem.activation, [&](auto type) {
    using T = decltype(type);
    backend.run({"conv2d_backward_data_direct", blocks_for(call.dx.numel(), threads), threads, 0,
                 call.bytes(), problem.operations()},
                backward_data_kernel<T>, to_shape(problem), strides_of(problem.y_layout, problem.y_shape()),
                channels_last, call.dy.as<T>(), call.filter.as<float>(), call.dx.as<T>(), call.write);
  });
}

void launch_direct(KernelBackend& backend, const Conv2dProblem& problem, const Conv2dBackwardFilter& call) {
  const std::int64_t pixels = problem.batch * problem.out_h * problem.out_w;
  constexpr std::int64_t max_chunks = 256, min_pixels = 64;
  const std::int64_t chunk = std::max(min_pixels, ceil_div(pixels, max_chunks));
  const FilterPartials partials =
      make_filter_partials(backend, call, to_int(ceil_div(pixels, chunk), "chunks"), false);
  with_activation_type("conv2d_backward_filter", problem.activation, [&](auto type) {
    using T = decltype(type);
    const dim3 grid(static_cast<unsigned>(ceil_div(partials.row_length(), threads)),
                    static_cast<unsigned>(partials.splits));
    backend.run({"conv2d_backward_filter_direct", grid, threads, 0, call.bytes(), problem.operations()},
                backward_filter_kernel<T>, to_shape(problem), strides_of(problem.x_layout, problem.x_shape()),
                strides_of(problem.y_layout, problem.y_shape()), call.x.as<T>(), call.dy.as<T>(),
                to_int(chunk, "a chunk"), partials);
  });
  sum_filter_partials(backend, call, partials);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
