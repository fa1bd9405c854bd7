// relu6, element-wise on any layout. Forward moves 2 tensors (x, y), backward 3 (y, dy, dx; 4 when it
// accumulates): both are bound by memory.
#include "kernels/common/parallel.h"
#include "kernels/common/stream.h"
#include "kernels/cpu/checks.h"
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
  require_f32(call.name, "x", call.x);
  const bool stream = call.x.data != call.y.data && worth_streaming(bytes_of(call.y));
  const float* in = call.x.as<float>();
  float* out = call.y.as<float>();
  parallel_ranges(call.x.numel(), elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
    write_pieces(stream, out + begin, end - begin, 1, [&](float* to, std::int64_t first, std::int64_t count) {
      relu6(in + begin + first, to, count);
    });
  });
}

void CpuBackend::compute(const Relu6Backward& call) {
  require_f32(call.name, "y", call.y);
  const bool stream = worth_streaming(bytes_of(call.dx));
  const float *out = call.y.as<float>(), *gradient = call.dy.as<float>();
  float* result = call.dx.as<float>();
  parallel_ranges(call.y.numel(), elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
    if (call.write == GradientWrite::accumulate)
      return add_relu6_gradient(out + begin, gradient + begin, result + begin, end - begin);
    write_pieces(stream, result + begin, end - begin, 1,
                 [&](float* to, std::int64_t first, std::int64_t count) {
                   relu6_gradient(out + begin + first, gradient + begin + first, to, count);
                 });
  });
}

}  // namespace xr::kernels::cpu
