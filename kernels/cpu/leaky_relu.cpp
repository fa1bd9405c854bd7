// leaky_relu, element-wise on any layout. Forward moves 2 tensors (x, y), backward 3 (x, dy, dx; 4 when it
// accumulates): both are bound by memory.
#include "kernels/common/parallel.h"
#include "kernels/cpu/activation.h"
#include "kernels/cpu/cpu_backend.h"

namespace xr::kernels::cpu {

namespace {

template <class T>
[[gnu::always_inline]] inline float sloped(float slope, T x, float value) {
  return to_float(x) > 0.0f ? value : slope * value;
}

// x == y is allowed: each element is read before it is written.
template <class T>
XR_MULTIVERSION void leaky_relu(float slope, const T* x, T* y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = from_float<T>(sloped(slope, x[i], to_float(x[i])));
}

template <bool Accumulate, class T>
XR_MULTIVERSION void leaky_relu_gradient(float slope, const T* __restrict x, const T* __restrict dy,
                                         T* __restrict dx, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float value = sloped(slope, x[i], to_float(dy[i]));
    dx[i] = from_float<T>(Accumulate ? to_float(dx[i]) + value : value);
  }
}

}  // namespace

void CpuBackend::compute(const LeakyReluForward& call) {
  const float slope = call.params.negative_slope;
  activate(call.name, call.x, call.y, [slope](auto... a) { leaky_relu(slope, a...); });
}

void CpuBackend::compute(const LeakyReluBackward& call) {
  const float slope = call.params.negative_slope;
  activate_gradient(
      call.name, call.x, call.dy, call.dx, call.write,
      [slope](auto... a) { leaky_relu_gradient<false>(slope, a...); },
      [slope](auto... a) { leaky_relu_gradient<true>(slope, a...); });
}

}  // namespace xr::kernels::cpu
