// Softmax over the rows of (N, classes): y = exp(x - max) / sum exp(x - max), and its gradient
// dx = y (dy - sum dy y). Subtracting the row's maximum keeps every exponential in [0, 1], so logits of any
// size are safe. Sums are carried in double. Bytes moved: 2 and 3 tensors.
#include <cmath>

#include "kernels/cpu/checks.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/rows.h"

namespace xr::kernels::cpu {

void CpuBackend::compute(const SoftmaxForward& call) {
  require_f32(call.name, "x", call.x);
  const Rows rows(call.x);
  const float* in = call.x.as<float>();
  float* out = call.y.as<float>();
  rows.for_each([&](std::int64_t first, std::int64_t classes) {
    const float *row = in + first, largest = row_maximum(row, classes);
    float* result = out + first;
    double sum = 0;
    for (std::int64_t i = 0; i < classes; ++i) {
      result[i] = std::exp(row[i] - largest);
      sum += result[i];
    }
    for (std::int64_t i = 0; i < classes; ++i) result[i] = static_cast<float>(result[i] / sum);
  });
}

void CpuBackend::compute(const SoftmaxBackward& call) {
  require_f32(call.name, "y", call.y);
  const Rows rows(call.y);
  const bool accumulate = call.write == GradientWrite::accumulate;
  const float *out = call.y.as<float>(), *gradient = call.dy.as<float>();
  float* result = call.dx.as<float>();
  rows.for_each([&](std::int64_t first, std::int64_t classes) {
    double sum = 0;
    for (std::int64_t i = first; i < first + classes; ++i) sum += static_cast<double>(gradient[i]) * out[i];
    for (std::int64_t i = first; i < first + classes; ++i) {
      const auto value = static_cast<float>(out[i] * (gradient[i] - sum));
      result[i] = accumulate ? result[i] + value : value;
    }
  });
}

}  // namespace xr::kernels::cpu
