// cast: y = or += x, f32 to bf16 or bf16 to f32; x and y in one shape and layout, which does not matter.
//
// Bytes: x and y once each (y twice when it accumulates); one rounding per element. Bound by memory. A
// thread moves eight elements, which are 16 bytes of bf16 and twice 16 bytes of f32.
#include "kernels/common/checks.h"
#include "kernels/cuda/elements.h"
#include "kernels/cuda/kernel_backend.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

template <class X, class Y>
struct CastElement {
  const X* x;
  Y* y;
  GradientWrite write;

  template <int Width>
  __device__ void at(std::int64_t index) const {
    constexpr int x_width = Width == 1 ? 1 : vector_width<X>, y_width = Width == 1 ? 1 : vector_width<Y>;
    float values[Width];
#pragma unroll
    for (int i = 0; i < Width; i += x_width) {
      const auto loaded = Elements<X, x_width>::load(x + index + i);
#pragma unroll
      for (int k = 0; k < x_width; ++k) values[i + k] = loaded.value[k];
    }
#pragma unroll
    for (int i = 0; i < Width; i += y_width) {
      Elements<Y, y_width> stored;
#pragma unroll
      for (int k = 0; k < y_width; ++k) stored.value[k] = values[i + k];
      stored.write(y + index + i, write);
    }
  }
};

}  // namespace

void KernelBackend::compute(const Cast& call) {
  if (call.x.numel() == 0) return;
  with_activation_type("cast", call.x.dtype, [&](auto x_type) {
    with_activation_type("cast", call.y.dtype, [&](auto y_type) {
      using X = decltype(x_type);
      using Y = decltype(y_type);
      constexpr int width = std::max(vector_width<X>, vector_width<Y>);
      const std::size_t passes = call.write == GradientWrite::accumulate ? 2 : 1;
      const std::int64_t count = call.x.numel(),
                         vectors = whole_vectors<width>(count, call.x.data, call.y.data);
      run({"cast", elementwise_blocks<width>(vectors, count), elementwise_threads, 0,
           static_cast<std::int64_t>(call.x.bytes() + passes * call.y.bytes()),
           call.write == GradientWrite::accumulate ? count : 0},
          elementwise_kernel<width, CastElement<X, Y>>,
          CastElement<X, Y>{call.x.as<X>(), call.y.as<Y>(), call.write}, vectors, count);
    });
  });
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
