// relu: y = max(x, 0); backward: dx = dy where y > 0, else 0.
//
// Bytes per f32 element: forward 8 (x, y), backward 12 (y, dy, dx; 16 when it accumulates); one comparison.
// Bound by memory, so all that counts is 16 bytes per access and enough of them in flight.
#include "kernels/common/checks.h"
#include "kernels/cuda/elements.h"
#include "kernels/cuda/kernel_backend.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

template <class T>
struct ReluForward {
  const T* x;
  T* y;

  template <int Width>
  __device__ void at(std::int64_t index) const {
    auto values = Elements<T, Width>::load(x + index);
#pragma unroll
    for (float& value : values.value) value = value < 0.0f ? 0.0f : value;  // NaN stays NaN
    values.store(y + index);
  }
};

template <class T>
struct ReluBackward {
  const T *y, *dy;
  T* dx;
  GradientWrite write;

  template <int Width>
  __device__ void at(std::int64_t index) const {
    const auto out = Elements<T, Width>::load(y + index);
    auto gradient = Elements<T, Width>::load(dy + index);
#pragma unroll
    for (int i = 0; i < Width; ++i)
      if (!(out.value[i] > 0.0f)) gradient.value[i] = 0.0f;
    gradient.write(dx + index, write);
  }
};

}  // namespace

void KernelBackend::relu_forward(ConstView x, View y) {
  require_same_form("relu_forward", "x", x, "y", y);
  with_activation_type("relu_forward", x.dtype, [&](auto type) {
    using T = decltype(type);
    const std::int64_t count = x.numel(), vectors = whole_vectors<vector_width<T>>(count, x.data, y.data);
    run({"relu_forward", elementwise_blocks<vector_width<T>>(vectors, count), elementwise_threads, 0,
         static_cast<std::int64_t>(x.bytes() + y.bytes()), count},
        elementwise_kernel<vector_width<T>, ReluForward<T>>, ReluForward<T>{x.as<T>(), y.as<T>()}, vectors,
        count);
  });
}

void KernelBackend::relu_backward(ConstView y, ConstView dy, View dx, GradientWrite write) {
  require_same_form("relu_backward", "y", y, "dy", dy);
  require_same_form("relu_backward", "y", y, "dx", dx);
  with_activation_type("relu_backward", y.dtype, [&](auto type) {
    using T = decltype(type);
    const std::int64_t count = y.numel(),
                       vectors = whole_vectors<vector_width<T>>(count, y.data, dy.data, dx.data);
    run({"relu_backward", elementwise_blocks<vector_width<T>>(vectors, count), elementwise_threads, 0,
         static_cast<std::int64_t>((write == GradientWrite::accumulate ? 4 : 3) * y.bytes()), count},
        elementwise_kernel<vector_width<T>, ReluBackward<T>>,
        ReluBackward<T>{y.as<T>(), dy.as<T>(), dx.as<T>(), write}, vectors, count);
  });
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
