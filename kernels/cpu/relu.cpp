// ReLU, element-wise on any layout.
//
// Forward: y = max(x, 0), NaN kept; moves 2 tensors (x, y). Backward: dx = dy where y > 0, else 0; moves 3
// tensors (y, dy, dx; 4 when it accumulates). Both are bound by memory.
#include "kernels/common/parallel.h"
#include "kernels/common/stream.h"
#include "kernels/cpu/checks.h"
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
  require_f32(call.name, "x", call.x);
  const bool stream =
      call.x.data != call.y.data && worth_streaming(static_cast<std::int64_t>(call.y.bytes()));
  const float* in = call.x.as<float>();
  float* out = call.y.as<float>();
  parallel_ranges(call.x.numel(), elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
    write_pieces(stream, out + begin, end - begin, 1, [&](float* to, std::int64_t first, std::int64_t count) {
      relu(in + begin + first, to, count);
    });
  });
}

void CpuBackend::compute(const ReluBackward& call) {
  require_f32(call.name, "y", call.y);
  const bool stream = worth_streaming(static_cast<std::int64_t>(call.dx.bytes()));
  const float *out = call.y.as<float>(), *gradient = call.dy.as<float>();
  float* result = call.dx.as<float>();
  parallel_ranges(call.y.numel(), elementwise_grain, [&](std::int64_t begin, std::int64_t end) {
    if (call.write == GradientWrite::accumulate)
      return add_relu_gradient(out + begin, gradient + begin, result + begin, end - begin);
    write_pieces(stream, result + begin, end - begin, 1,
                 [&](float* to, std::int64_t first, std::int64_t count) {
                   relu_gradient(out + begin + first, gradient + begin + first, to, count);
                 });
  });
}

}  // namespace xr::kernels::cpu
