// relu6, element-wise on any layout. Forward moves 2 tensors (x, y), backward 3 (y, dy, dx; 4 when it
// accumulates): both are bound by memory.
#include "kernels/common/checks.h"
#include "kernels/common/parallel.h"
#include "kernels/common/stream.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/elements.h"

namespace xr::kernels::cpu {

namespace {

// x == y is allowed: each element is read before it is written. NaN passes both comparisons.
XR_MULTIVERSION void relu6(const float* x, float* y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float positive = x[i] < 0.0f ? 0.0f : x[i];
    y[i] = positive > 6.0f ? 6.0f : positive;
  }
}

XR_MULTIVERSION void relu6_gradient(const float* __restrict y, const float* __restrict dy,
                                    float* __restrict dx, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float below = y[i] < 6.0f ? dy[i] : 0.0f;
    dx[i] = y[i] > 0.0f ? below : 0.0f;
  }
}

XR_MULTIVERSION void add_relu6_gradient(const float* __restrict y, const float* __restrict dy,
                                        float* __restrict dx, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float below = y[i] < 6.0f ? dy[i] : 0.0f;
    dx[i] += y[i] > 0.0f ? below : 0.0f;
  }
}

template <class T>
void forward(const Relu6Forward& call) {
  const bool stream = call.x.data != call.y.data && worth_streaming(bytes_of(call.y));
  const T* in = call.x.as<T>();
  T* out = call.y.as<T>();
  parallel_ranges(call.x.numel(), elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
    write_elements(stream, out + begin, end - begin, 1,
                   [&](float* to, std::int64_t first, std::int64_t count) {
                     relu6(Floats<T>(in + begin + first, count).data(), to, count);
                   });
  });
}

template <class T>
void backward(const Relu6Backward& call) {
  const bool stream = worth_streaming(bytes_of(call.dx));
  const T *kept = call.y.as<T>(), *gradient = call.dy.as<T>();
  T* result = call.dx.as<T>();
  parallel_ranges(call.y.numel(), elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
    const auto compute_with = [&](auto* kernel) {
      return [=](float* to, std::int64_t first, std::int64_t count) {
        kernel(Floats<T>(kept + begin + first, count).data(),
               Floats<T>(gradient + begin + first, count).data(), to, count);
      };
    };
    if (call.write == GradientWrite::accumulate)
      update_elements(result + begin, end - begin, 1, compute_with(add_relu6_gradient));
    else
      write_elements(stream, result + begin, end - begin, 1, compute_with(relu6_gradient));
  });
}

}  // namespace

void CpuBackend::compute(const Relu6Forward& call) {
  with_activation_type(call.name, call.x.dtype, [&](auto type) { forward<decltype(type)>(call); });
}

void CpuBackend::compute(const Relu6Backward& call) {
  with_activation_type(call.name, call.dx.dtype, [&](auto type) { backward<decltype(type)>(call); });
}

}  // namespace xr::kernels::cpu
