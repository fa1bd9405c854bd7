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
template <class T>
XR_MULTIVERSION void relu(const T* x, T* y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float value = to_float(x[i]);
    y[i] = from_float<T>(value < 0.0f ? 0.0f : value);
  }
}

template <bool Accumulate, class T>
XR_MULTIVERSION void relu_gradient(const T* __restrict y, const T* __restrict dy, T* __restrict dx,
                                   std::int64_t count) {
  constexpr std::int64_t step = 64;
  for (std::int64_t first = 0; first < count; first += step) {
    prefetch_ahead(dy + first, step);
    const std::int64_t last = std::min(count, first + step);
    for (std::int64_t i = first; i < last; ++i) {
      const float value = to_float(y[i]) > 0.0f ? to_float(dy[i]) : 0.0f;
      dx[i] = from_float<T>(Accumulate ? to_float(dx[i]) + value : value);
    }
  }
}

}  // namespace

void CpuBackend::compute(const ReluForward& call) {
  activate(call.name, call.x, call.y, [](auto... a) { relu(a...); });
}

void CpuBackend::compute(const ReluBackward& call) {
  activate_gradient(
      call.name, call.y, call.dy, call.dx, call.write, [](auto... a) { relu_gradient<false>(a...); },
      [](auto... a) { relu_gradient<true>(a...); });
}

}  // namespace xr::kernels::cpu
