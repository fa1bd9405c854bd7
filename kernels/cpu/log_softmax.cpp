// Log-softmax over the rows of (N, classes): y = (x - max) - log sum exp(x - max), and its gradient
// dx = dy - exp(y) sum dy. Sums are carried in double. Bytes moved: 2 and 3 tensors.
#include <cmath>

#include "kernels/common/checks.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/elements.h"
#include "kernels/cpu/rows.h"

namespace xr::kernels::cpu {

namespace {

template <class T>
void forward(const LogSoftmaxForward& call) {
  const Rows rows(call.x);
  const T* in = call.x.as<T>();
  T* out = call.y.as<T>();
  rows.for_each([&](std::int64_t first, std::int64_t classes) {
    const Floats<T> row(in + first, classes);
    write_elements(false, out + first, classes, classes, [&](float* result, std::int64_t, std::int64_t) {
      log_softmax_of_row(row.data(), classes, result);
    });
  });
}

template <class T>
void backward(const LogSoftmaxBackward& call) {
  const Rows rows(call.y);
  const bool accumulate = call.write == GradientWrite::accumulate;
  const T *out = call.y.as<T>(), *gradient = call.dy.as<T>();
  T* result = call.dx.as<T>();
  rows.for_each([&](std::int64_t first, std::int64_t classes) {
    double sum = 0;
    for (std::int64_t i = first; i < first + classes; ++i) sum += to_float(gradient[i]);
    for (std::int64_t i = first; i < first + classes; ++i) {
      const auto value =
          static_cast<float>(to_float(gradient[i]) - std::exp(static_cast<double>(to_float(out[i]))) * sum);
      result[i] = from_float<T>(accumulate ? to_float(result[i]) + value : value);
    }
  });
}

}  // namespace

void CpuBackend::compute(const LogSoftmaxForward& call) {
  with_activation_type(call.name, call.x.dtype, [&](auto type) { forward<decltype(type)>(call); });
}

void CpuBackend::compute(const LogSoftmaxBackward& call) {
  with_activation_type(call.name, call.dx.dtype, [&](auto type) { backward<decltype(type)>(call); });
}

}  // namespace xr::kernels::cpu
