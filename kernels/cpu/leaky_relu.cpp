// leaky_relu, element-wise on any layout. Forward moves 2 tensors (x, y), backward 3 (x, dy, dx; 4 when it
// accumulates): both are bound by memory.
#include "kernels/common/checks.h"
#include "kernels/common/parallel.h"
#include "kernels/common/stream.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/elements.h"

namespace xr::kernels::cpu {

namespace {

// x == y is allowed: each element is read before it is written.
XR_MULTIVERSION void leaky_relu(float slope, const float* x, float* y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = x[i] > 0.0f ? x[i] : slope * x[i];
}

XR_MULTIVERSION void leaky_relu_gradient(float slope, const float* __restrict x, const float* __restrict dy,
                                         float* __restrict dx, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) dx[i] = x[i] > 0.0f ? dy[i] : slope * dy[i];
}

XR_MULTIVERSION void add_leaky_relu_gradient(float slope, const float* __restrict x,
                                             const float* __restrict dy, float* __restrict dx,
                                             std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) dx[i] += x[i] > 0.0f ? dy[i] : slope * dy[i];
}

template <class T>
void forward(const LeakyReluForward& call) {
  const bool stream = call.x.data != call.y.data && worth_streaming(bytes_of(call.y));
  const float slope = call.params.negative_slope;
  const T* in = call.x.as<T>();
  T* out = call.y.as<T>();
  parallel_ranges(call.x.numel(), elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
    write_elements(stream, out + begin, end - begin, 1,
                   [&](float* to, std::int64_t first, std::int64_t count) {
                     leaky_relu(slope, Floats<T>(in + begin + first, count).data(), to, count);
                   });
  });
}

template <class T>
void backward(const LeakyReluBackward& call) {
  const bool stream = worth_streaming(bytes_of(call.dx));
  const float slope = call.params.negative_slope;
  const T *kept = call.x.as<T>(), *gradient = call.dy.as<T>();
  T* result = call.dx.as<T>();
  parallel_ranges(call.x.numel(), elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
    const auto compute_with = [&](auto* kernel) {
      return [=](float* to, std::int64_t first, std::int64_t count) {
        kernel(slope, Floats<T>(kept + begin + first, count).data(),
               Floats<T>(gradient + begin + first, count).data(), to, count);
      };
    };
    if (call.write == GradientWrite::accumulate)
      update_elements(result + begin, end - begin, 1, compute_with(add_leaky_relu_gradient));
    else
      write_elements(stream, result + begin, end - begin, 1, compute_with(leaky_relu_gradient));
  });
}

}  // namespace

void CpuBackend::compute(const LeakyReluForward& call) {
  with_activation_type(call.name, call.x.dtype, [&](auto type) { forward<decltype(type)>(call); });
}

void CpuBackend::compute(const LeakyReluBackward& call) {
  with_activation_type(call.name, call.dx.dtype, [&](auto type) { backward<decltype(type)>(call); });
}

}  // namespace xr::kernels::cpu
