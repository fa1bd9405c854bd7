// relu6, element-wise on any layout. Forward moves 2 tensors (x, y), backward 3 (y, dy, dx; 4 when it
// accumulates): both are bound by memory.
#include "kernels/common/parallel.h"
#include "kernels/cpu/activation.h"
#include "kernels/cpu/cpu_backend.h"

namespace xr::kernels::cpu {

namespace {

// x == y is allowed: each element is read before it is written. NaN passes both comparisons.
template <class T>
XR_MULTIVERSION void relu6(const T* x, T* y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float value = to_float(x[i]), positive = value < 0.0f ? 0.0f : value;
    y[i] = from_float<T>(positive > 6.0f ? 6.0f : positive);
  }
}

template <bool Accumulate, class T>
XR_MULTIVERSION void relu6_gradient(const T* __restrict y, const T* __restrict dy, T* __restrict dx,
                                    std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float kept = to_float(y[i]), below = kept < 6.0f ? to_float(dy[i]) : 0.0f,
                value = kept > 0.0f ? below : 0.0f;
    dx[i] = from_float<T>(Accumulate ? to_float(dx[i]) + value : value);
  }
}

}  // namespace

void CpuBackend::compute(const Relu6Forward& call) {
  activate(call.name, call.x, call.y, [](auto... a) { relu6(a...); });
}

void CpuBackend::compute(const Relu6Backward& call) {
  activate_gradient(
      call.name, call.y, call.dy, call.dx, call.write, [](auto... a) { relu6_gradient<false>(a...); },
      [](auto... a) { relu6_gradient<true>(a...); });
}

}  // namespace xr::kernels::cpu
