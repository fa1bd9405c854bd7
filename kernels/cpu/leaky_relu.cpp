// leaky_relu, element-wise on any layout. Forward moves 2 tensors (x, y), backward 3 (x, dy, dx; 4 when it
// accumulates): both are bound by memory.
#include "kernels/common/parallel.h"
#include "kernels/cpu/activation.h"
#include "kernels/cpu/cpu_backend.h"

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

}  // namespace

void CpuBackend::compute(const LeakyReluForward& call) {
  activate(call.name, call.x, call.y,
           [slope = call.params.negative_slope](const float* x, float* y, std::int64_t count) {
             leaky_relu(slope, x, y, count);
           });
}

void CpuBackend::compute(const LeakyReluBackward& call) {
  const float slope = call.params.negative_slope;
  activate_gradient(
      call.name, call.x, call.dy, call.dx, call.write,
      [slope](const float* x, const float* dy, float* dx, std::int64_t count) {
        leaky_relu_gradient(slope, x, dy, dx, count);
      },
      [slope](const float* x, const float* dy, float* dx, std::int64_t count) {
        add_leaky_relu_gradient(slope, x, dy, dx, count);
      });
}

}  // namespace xr::kernels::cpu
