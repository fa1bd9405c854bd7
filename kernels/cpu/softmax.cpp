// Softmax over the rows of (N, classes): y = exp(x - max) / sum exp(x - max), and its gradient
// dx = y (dy - sum dy y). Subtracting the row's maximum keeps every exponential in [0, 1], so logits of any
// size are safe. Sums are carried in double. Bytes moved: 2 and 3 tensors.
#include <cmath>

#include "kernels/common/checks.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/elements.h"
#include "kernels/cpu/rows.h"

namespace xr::kernels::cpu {

namespace {

template <class T>
void forward(const SoftmaxForward& call) {
  const Rows rows(call.x);
  const T* in = call.x.as<T>();
  T* out = call.y.as<T>();
  rows.for_each([&](std::int64_t first, std::int64_t classes) {
    const Floats<T> values(in + first, classes);
    const float *row = values.data(), largest = row_maximum(row, classes);
    write_elements(false, out + first, classes, classes, [&](float* result, std::int64_t, std::int64_t) {
      double sum = 0;
      for (std::int64_t i = 0; i < classes; ++i) {
        result[i] = std::exp(row[i] - largest);
        sum += result[i];
      }
      for (std::int64_t i = 0; i < classes; ++i) result[i] = static_cast<float>(result[i] / sum);
    });
  });
}

template <class T>
void backward(const SoftmaxBackward& call) {
  const Rows rows(call.y);
  const bool accumulate = call.write == GradientWrite::accumulate;
  const T *out = call.y.as<T>(), *gradient = call.dy.as<T>();
  T* result = call.dx.as<T>();
  rows.for_each([&](std::int64_t first, std::int64_t classes) {
    double sum = 0;
    for (std::int64_t i = first; i < first + classes; ++i)
      sum += static_cast<double>(to_float(gradient[i])) * to_float(out[i]);
    for (std::int64_t i = first; i < first + classes; ++i) {
      const auto value = static_cast<float>(to_float(out[i]) * (to_float(gradient[i]) - sum));
      result[i] = from_float<T>(accumulate ? to_float(result[i]) + value : value);
    }
  });
}

}  // namespace

void CpuBackend::compute(const SoftmaxForward& call) {
  with_activation_type(call.name, call.x.dtype, [&](auto type) { forward<decltype(type)>(call); });
}

void CpuBackend::compute(const SoftmaxBackward& call) {
  with_activation_type(call.name, call.dx.dtype, [&](auto type) { backward<decltype(type)>(call); });
}

}  // namespace xr::kernels::cpu
