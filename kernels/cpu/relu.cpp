// ReLU, element-wise on any layout.
//
// Forward: y = max(x, 0), NaN kept; moves 2 tensors (x, y). Backward: dx = dy where y > 0, else 0; moves 3
// tensors (y, dy, dx; 4 when it accumulates). Both are bound by memory.
#include "kernels/common/checks.h"
#include "kernels/common/parallel.h"
#include "kernels/common/stream.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/elements.h"
#include "kernels/cpu/prefetch.h"

namespace xr::kernels::cpu {

namespace {

// x == y is allowed: each element is read before it is written.
XR_MULTIVERSION void relu(const float* x, float* y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = x[i] < 0.0f ? 0.0f : x[i];
}

template <bool Accumulate>
[[gnu::always_inline]] inline void gradient_of(const float* __restrict y, const float* __restrict dy,
                                               float* __restrict dx, std::int64_t count) {
  constexpr std::int64_t step = 64;
  for (std::int64_t first = 0; first < count; first += step) {
    prefetch_ahead(dy + first, step);
    const std::int64_t last = std::min(count, first + step);
    for (std::int64_t i = first; i < last; ++i) {
      const float value = y[i] > 0.0f ? dy[i] : 0.0f;
      dx[i] = Accumulate ? dx[i] + value : value;
    }
  }
}

XR_MULTIVERSION void relu_gradient(const float* __restrict y, const float* __restrict dy,
                                   float* __restrict dx, std::int64_t count) {
  gradient_of<false>(y, dy, dx, count);
}

XR_MULTIVERSION void add_relu_gradient(const float* __restrict y, const float* __restrict dy,
                                       float* __restrict dx, std::int64_t count) {
  gradient_of<true>(y, dy, dx, count);
}

template <class T>
void forward(const ReluForward& call) {
  const bool stream = call.x.data != call.y.data && worth_streaming(bytes_of(call.y));
  const T* in = call.x.as<T>();
  T* out = call.y.as<T>();
  parallel_ranges(call.x.numel(), elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
    write_elements(stream, out + begin, end - begin, 1,
                   [&](float* to, std::int64_t first, std::int64_t count) {
                     relu(Floats<T>(in + begin + first, count).data(), to, count);
                   });
  });
}

template <class T>
void backward(const ReluBackward& call) {
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
      update_elements(result + begin, end - begin, 1, compute_with(add_relu_gradient));
    else
      write_elements(stream, result + begin, end - begin, 1, compute_with(relu_gradient));
  });
}

}  // namespace

void CpuBackend::compute(const ReluForward& call) {
  with_activation_type(call.name, call.x.dtype, [&](auto type) { forward<decltype(type)>(call); });
}

void CpuBackend::compute(const ReluBackward& call) {
  with_activation_type(call.name, call.dx.dtype, [&](auto type) { backward<decltype(type)>(call); });
}

}  // namespace xr::kernels::cpu
