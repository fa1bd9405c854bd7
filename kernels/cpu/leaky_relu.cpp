// leaky_relu, element-wise on any layout. Forward moves 2 tensors (x, y), backward 3 (x, dy, dx; 4 when it
// accumulates): both are bound by memory.
#include "kernels/common/parallel.h"
#include "kernels/common/stream.h"
#include "kernels/cpu/checks.h"
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
  require_f32(call.name, "x", call.x);
  const bool stream = call.x.data != call.y.data && worth_streaming(bytes_of(call.y));
  const float slope = call.params.negative_slope, *in = call.x.as<float>();
  float* out = call.y.as<float>();
  parallel_ranges(call.x.numel(), elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
    write_pieces(stream, out + begin, end - begin, 1, [&](float* to, std::int64_t first, std::int64_t count) {
      leaky_relu(slope, in + begin + first, to, count);
    });
  });
}

void CpuBackend::compute(const LeakyReluBackward& call) {
  require_f32(call.name, "x", call.x);
  const bool stream = worth_streaming(bytes_of(call.dx));
  const float slope = call.params.negative_slope, *in = call.x.as<float>(), *gradient = call.dy.as<float>();
  float* result = call.dx.as<float>();
  parallel_ranges(call.x.numel(), elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
    if (call.write == GradientWrite::accumulate)
      return add_leaky_relu_gradient(slope, in + begin, gradient + begin, result + begin, end - begin);
    write_pieces(stream, result + begin, end - begin, 1,
                 [&](float* to, std::int64_t first, std::int64_t count) {
                   leaky_relu_gradient(slope, in + begin + first, gradient + begin + first, to, count);
                 });
  });
}

}  // namespace xr::kernels::cpu
