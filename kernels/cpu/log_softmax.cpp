// Log-softmax over the rows of (N, classes): y = (x - max) - log sum exp(x - max), and its gradient
// dx = dy - exp(y) sum dy. Sums are carried in double. Bytes moved: 2 and 3 tensors.
#include <cmath>

#include "kernels/cpu/checks.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/rows.h"

namespace xr::kernels::cpu {

void CpuBackend::compute(const LogSoftmaxForward& call) {
  require_f32(call.name, "x", call.x);
  const Rows rows(call.x);
  const float* in = call.x.as<float>();
  float* out = call.y.as<float>();
  rows.for_each([&](std::int64_t first, std::int64_t classes) {
    const float *row = in + first, largest = row_maximum(row, classes);
    double sum = 0;
    for (std::int64_t i = 0; i < classes; ++i) sum += std::exp(static_cast<double>(row[i] - largest));
    const double logarithm = std::log(sum);
    for (std::int64_t i = 0; i < classes; ++i)
      out[first + i] = static_cast<float>(static_cast<double>(row[i] - largest) - logarithm);
  });
}

void CpuBackend::compute(const LogSoftmaxBackward& call) {
  require_f32(call.name, "y", call.y);
  const Rows rows(call.y);
  const bool accumulate = call.write == GradientWrite::accumulate;
  const float *out = call.y.as<float>(), *gradient = call.dy.as<float>();
  float* result = call.dx.as<float>();
  rows.for_each([&](std::int64_t first, std::int64_t classes) {
    double sum = 0;
    for (std::int64_t i = first; i < first + classes; ++i) sum += gradient[i];
    for (std::int64_t i = first; i < first + classes; ++i) {
      const auto value = static_cast<float>(gradient[i] - std::exp(static_cast<double>(out[i])) * sum);
      result[i] = accumulate ? result[i] + value : value;
    }
  });
}

}  // namespace xr::kernels::cpu
