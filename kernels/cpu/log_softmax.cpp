// Log-softmax over the rows of (N, classes): y = (x - max) - log sum exp(x - max), and its gradient
// dx = dy - exp(y) sum dy. Sums are carried in double. Bytes moved: 2 and 3 tensors.
#include <cmath>

#include "kernels/cpu/checks.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/rows.h"

namespace xr::kernels::cpu {

void CpuBackend::log_softmax_forward(ConstView x, View y) {
  const Rows rows("log_softmax_forward", x, y);
  const float* in = x.as<float>();
  float* out = y.as<float>();
  rows.for_each([&](std::int64_t first, std::int64_t classes) {
    const float *row = in + first, largest = row_maximum(row, classes);
    double sum = 0;
    for (std::int64_t i = 0; i < classes; ++i) sum += std::exp(static_cast<double>(row[i] - largest));
    const double logarithm = std::log(sum);
    for (std::int64_t i = 0; i < classes; ++i)
      out[first + i] = static_cast<float>(static_cast<double>(row[i] - largest) - logarithm);
  });
}

void CpuBackend::log_softmax_backward(ConstView y, ConstView dy, View dx, GradientWrite write) {
  const Rows rows("log_softmax_backward", y, dy, dx);
  const bool accumulate = write == GradientWrite::accumulate;
  const float *out = y.as<float>(), *gradient = dy.as<float>();
  float* result = dx.as<float>();
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
