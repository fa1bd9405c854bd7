// Average pooling of (N, C, H, W), any window, stride and padding (at most half the window).
//
// y = sum over the window / divisor; the divisor is the window's size, or with count_include_pad = false the
// number of its positions in the image. Backward gathers: dx = sum over the windows over an element of dy /
// divisor, in row-major order; so overlapping windows need no atomics.
//
// Bytes with T = bytes of x, S = bytes of y: forward T + S, backward T (2 T when it accumulates) + S; one
// addition for each position of each window. Bound by memory. channels_last with whole vectors of channels
// takes 4 (f32) or 8 (bf16) neighbouring channels per thread, and 2x2 and 3x3 windows have their loads in
// flight together.
#include "kernels/cuda/kernel_backend.h"
#include "kernels/cuda/pool2d.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

template <bool ChannelsLast>
[[nodiscard]] __device__ __forceinline__ float divisor_of(const PoolGeometry<ChannelsLast>& g, int row,
                                                          int column) {
  if (g.count_include_pad) return static_cast<float>(g.vertical.kernel * g.horizontal.kernel);
  const IndexRange rows = g.vertical.taps(row), columns = g.horizontal.taps(column);
  return static_cast<float>((rows.end - rows.begin) * (columns.end - columns.begin));
}

/// An item is Width elements of y. Size: the window is Size x Size; 0: any window.
template <class T, int Width, bool ChannelsLast, int Size>
struct AvgPoolForward {
  PoolGeometry<ChannelsLast> g;
  const T* x;
  T* y;

  __device__ void operator()(std::int64_t item) const {
    const Position at = g.out.position(item * Width);
    const int top = at.h * g.vertical.stride - g.vertical.padding,
              left = at.w * g.horizontal.stride - g.horizontal.padding;
    const int height = g.vertical.template extent<Size>(), width = g.horizontal.template extent<Size>();
    Elements<T, Width> sum{};
#pragma unroll(Size > 0 ? Size : 1)
    for (int i = 0; i < height; ++i)
#pragma unroll(Size > 0 ? Size : 1)
      for (int j = 0; j < width; ++j) {
        const int row = top + i, column = left + j;
        if (row < 0 || row >= g.in.height || column < 0 || column >= g.in.width) continue;
        const auto values = Elements<T, Width>::load(x + g.in.offset({at.n, at.c, row, column}));
#pragma unroll
        for (int k = 0; k < Width; ++k) sum.value[k] += values.value[k];
      }
    const float divisor = divisor_of(g, at.h, at.w);
#pragma unroll
    for (float& value : sum.value) value /= divisor;
    sum.store(y + item * Width);
  }
};

/// An item is Width elements of x.
template <class T, int Width, bool ChannelsLast>
struct AvgPoolBackward {
  PoolGeometry<ChannelsLast> g;
  const T* dy;
  T* dx;
  GradientWrite write;

  __device__ void operator()(std::int64_t item) const {
    const Position at = g.in.position(item * Width);
    const IndexRange rows = g.vertical.outputs_over(at.h), columns = g.horizontal.outputs_over(at.w);
    Elements<T, Width> sum{};
#pragma unroll 1  // mostly one window: nvcc would write four
    for (int row = rows.begin; row < rows.end; ++row)
#pragma unroll 1
      for (int column = columns.begin; column < columns.end; ++column) {
        const auto gradient = Elements<T, Width>::load(dy + g.out.offset({at.n, at.c, row, column}));
        const float divisor = divisor_of(g, row, column);
#pragma unroll
        for (int i = 0; i < Width; ++i) sum.value[i] += gradient.value[i] / divisor;
      }
    sum.write(dx + item * Width, write);
  }
};

template <class T, int Width, bool ChannelsLast, int Size>
void forward(KernelBackend& backend, LaunchPlan plan, const Pool2dParams& params, const ConstView& x,
             const View& y) {
  using Pool = AvgPoolForward<T, Width, ChannelsLast, Size>;
  const std::int64_t items = y.numel() / Width;
  plan.grid = blocks_for(items, elementwise_threads);
  backend.run(plan, for_each_kernel<Pool>,
              Pool{pool_geometry<ChannelsLast>(params, x.shape, y.shape), x.as<T>(), y.as<T>()}, items);
}

template <class T, int Width, bool ChannelsLast>
void backward(KernelBackend& backend, LaunchPlan plan, const Pool2dParams& params, const ConstView& dy,
              const View& dx, GradientWrite write) {
  using Pool = AvgPoolBackward<T, Width, ChannelsLast>;
  const std::int64_t items = dx.numel() / Width;
  plan.grid = blocks_for(items, elementwise_threads);
  backend.run(plan, for_each_kernel<Pool>,
              Pool{pool_geometry<ChannelsLast>(params, dx.shape, dy.shape), dy.as<T>(), dx.as<T>(), write},
              items);
}

}  // namespace

void KernelBackend::compute(const AvgPool2dForward& call) {
  constexpr const char* operation = "avg_pool2d_forward";
  if (call.y.numel() == 0) return;
  const LaunchPlan plan{operation,
                        {},
                        elementwise_threads,
                        0,
                        static_cast<std::int64_t>(call.x.bytes() + call.y.bytes()),
                        call.y.numel() * call.params.kernel_h * call.params.kernel_w};
  with_activation_type(operation, call.x.dtype, [&](auto type) {
    with_layout(operation, call.x.layout, [&](auto channels_last) {
      using T = decltype(type);
      constexpr int width = vector_width<T>;
      if constexpr (channels_last) {
        if (channels_in_vectors<width>(call.x.shape[1], call.x.data, call.y.data)) {
          if (call.params.kernel_h == 2 && call.params.kernel_w == 2)
            return forward<T, width, true, 2>(*this, plan, call.params, call.x, call.y);
          if (call.params.kernel_h == 3 && call.params.kernel_w == 3)
            return forward<T, width, true, 3>(*this, plan, call.params, call.x, call.y);
          return forward<T, width, true, 0>(*this, plan, call.params, call.x, call.y);
        }
      }
      forward<T, 1, channels_last, 0>(*this, plan, call.params, call.x, call.y);
    });
  });
}

void KernelBackend::compute(const AvgPool2dBackward& call) {
  constexpr const char* operation = "avg_pool2d_backward";
  if (call.dx.numel() == 0) return;
  const std::size_t writes = call.write == GradientWrite::accumulate ? 2 : 1;
  const LaunchPlan plan{operation,
                        {},
                        elementwise_threads,
                        0,
                        static_cast<std::int64_t>(call.dy.bytes() + writes * call.dx.bytes()),
                        call.dy.numel() * call.params.kernel_h * call.params.kernel_w};
  with_activation_type(operation, call.dx.dtype, [&](auto type) {
    with_layout(operation, call.dx.layout, [&](auto channels_last) {
      using T = decltype(type);
      constexpr int width = vector_width<T>;
      if constexpr (channels_last) {
        if (channels_in_vectors<width>(call.dx.shape[1], call.dx.data, call.dy.data))
          return backward<T, width, true>(*this, plan, call.params, call.dy, call.dx, call.write);
      }
      backward<T, 1, channels_last>(*this, plan, call.params, call.dy, call.dx, call.write);
    });
  });
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
