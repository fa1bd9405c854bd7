// ReLU, element-wise on any layout.
//
// Forward: y = max(x, 0), NaN kept; moves 2 tensors (x, y). Backward: dx = dy where y > 0, else 0; moves 3
// tensors (y, dy, dx; 4 when it accumulates). Both are bound by memory.
#include "kernels/common/parallel.h"
#include "kernels/cpu/activation.h"
#include "kernels/cpu/cpu_backend.h"
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

}  // namespace

void CpuBackend::compute(const ReluForward& call) {
  activate(call.name, call.x, call.y, relu);
}

void CpuBackend::compute(const ReluBackward& call) {
  activate_gradient(call.name, call.y, call.dy, call.dx, call.write, relu_gradient, add_relu_gradient);
}

}  // namespace xr::kernels::cpu
