// relu6, element-wise on any layout. Forward moves 2 tensors (x, y), backward 3 (y, dy, dx; 4 when it
// accumulates): both are bound by memory.
#include "kernels/common/parallel.h"
#include "kernels/cpu/activation.h"
#include "kernels/cpu/cpu_backend.h"

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

}  // namespace

void CpuBackend::compute(const Relu6Forward& call) {
  activate(call.name, call.x, call.y, relu6);
}

void CpuBackend::compute(const Relu6Backward& call) {
  activate_gradient(call.name, call.y, call.dy, call.dx, call.write, relu6_gradient, add_relu6_gradient);
}

}  // namespace xr::kernels::cpu
