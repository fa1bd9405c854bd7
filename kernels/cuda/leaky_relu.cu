// leaky_relu: y = x where x > 0, else slope x; backward: dx = dy where x > 0, else slope dy.
//
// Bytes per f32 element: forward 8 (x, y), backward 12 (x, dy, dx; 16 when it accumulates); one comparison and
// one product. Bound by memory, as relu.cu.
#include "kernels/common/checks.h"
#include "kernels/cuda/elements.h"
#include "kernels/cuda/kernel_backend.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

template <class T>
struct ForwardElement {
  const T* x;
  T* y;
  float slope;

  template <int Width>
  __device__ void at(std::int64_t index) const {
    auto values = Elements<T, Width>::load(x + index);
#pragma unroll
    for (float& value : values.value) value = value > 0.0f ? value : slope * value;  // NaN stays NaN
    values.store(y + index);
  }
};

template <class T>
struct BackwardElement {
  const T *x, *dy;
  T* dx;
  float slope;
  GradientWrite write;

  template <int Width>
  __device__ void at(std::int64_t index) const {
    const auto in = Elements<T, Width>::load(x + index);
    auto gradient = Elements<T, Width>::load(dy + index);
#pragma unroll
    for (int i = 0; i < Width; ++i)
      if (!(in.value[i] > 0.0f)) gradient.value[i] *= slope;
    gradient.write(dx + index, write);
  }
};

}  // namespace

void KernelBackend::compute(const LeakyReluForward& call) {
  with_activation_type(call.name, call.x.dtype, [&](auto type) {
    using T = decltype(type);
    const std::int64_t count = call.x.numel(),
                       vectors = whole_vectors<vector_width<T>>(count, call.x.data, call.y.data);
    run({"leaky_relu_forward", elementwise_blocks<vector_width<T>>(vectors, count), elementwise_threads, 0,
         call.bytes(), call.flops()},
        elementwise_kernel<vector_width<T>, ForwardElement<T>>,
        ForwardElement<T>{call.x.as<T>(), call.y.as<T>(), call.params.negative_slope}, vectors, count);
  });
}

void KernelBackend::compute(const LeakyReluBackward& call) {
  with_activation_type(call.name, call.x.dtype, [&](auto type) {
    using T = decltype(type);
    const std::int64_t count = call.x.numel(), vectors = whole_vectors<vector_width<T>>(
                                                   count, call.x.data, call.dy.data, call.dx.data);
    run({"leaky_relu_backward", elementwise_blocks<vector_width<T>>(vectors, count), elementwise_threads, 0,
         call.bytes(), call.flops()},
        elementwise_kernel<vector_width<T>, BackwardElement<T>>,
        BackwardElement<T>{call.x.as<T>(), call.dy.as<T>(), call.dx.as<T>(), call.params.negative_slope,
                           call.write},
        vectors, count);
  });
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
