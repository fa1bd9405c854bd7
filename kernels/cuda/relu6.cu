// relu6: y = min(max(x, 0), 6); backward: dx = dy where 0 < y < 6, else 0.
//
// Bytes per f32 element: forward 8 (x, y), backward 12 (y, dy, dx; 16 when it accumulates); two comparisons.
// Bound by memory, as relu.cu.
#include "kernels/common/checks.h"
#include "kernels/cuda/elements.h"
#include "kernels/cuda/kernel_backend.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

template <class T>
struct ForwardElement {
  const T* x;
  T* y;

  template <int Width>
  __device__ void at(std::int64_t index) const {
    auto values = Elements<T, Width>::load(x + index);
#pragma unroll
    for (float& value : values.value) {  // NaN passes both comparisons
      value = value < 0.0f ? 0.0f : value;
      value = value > 6.0f ? 6.0f : value;
    }
    values.store(y + index);
  }
};

template <class T>
struct BackwardElement {
  const T *y, *dy;
  T* dx;
  GradientWrite write;

  template <int Width>
  __device__ void at(std::int64_t index) const {
    const auto out = Elements<T, Width>::load(y + index);
    auto gradient = Elements<T, Width>::load(dy + index);
#pragma unroll
    for (int i = 0; i < Width; ++i)
      if (!(out.value[i] > 0.0f && out.value[i] < 6.0f)) gradient.value[i] = 0.0f;
    gradient.write(dx + index, write);
  }
};

}  // namespace

void KernelBackend::compute(const Relu6Forward& call) {
  with_activation_type(call.name, call.x.dtype, [&](auto type) {
    using T = decltype(type);
    const std::int64_t count = call.x.numel(),
                       vectors = whole_vectors<vector_width<T>>(count, call.x.data, call.y.data);
    run({"relu6_forward", elementwise_blocks<vector_width<T>>(vectors, count), elementwise_threads, 0,
         call.bytes(), call.flops()},
        elementwise_kernel<vector_width<T>, ForwardElement<T>>,
        ForwardElement<T>{call.x.as<T>(), call.y.as<T>()}, vectors, count);
  });
}

void KernelBackend::compute(const Relu6Backward& call) {
  with_activation_type(call.name, call.y.dtype, [&](auto type) {
    using T = decltype(type);
    const std::int64_t count = call.y.numel(), vectors = whole_vectors<vector_width<T>>(
                                                   count, call.y.data, call.dy.data, call.dx.data);
    run({"relu6_backward", elementwise_blocks<vector_width<T>>(vectors, count), elementwise_threads, 0,
         call.bytes(), call.flops()},
        elementwise_kernel<vector_width<T>, BackwardElement<T>>,
        BackwardElement<T>{call.y.as<T>(), call.dy.as<T>(), call.dx.as<T>(), call.write}, vectors, count);
  });
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
