// log of softmax over the rows of (N, classes): y = x - max - log(sum exp(x - max)).
#pragma once

#include <algorithm>

#include "tests/reference/tensor.h"

namespace xr::reference {

inline Tensor log_softmax_forward(const Tensor& x) {
  Tensor y(x.shape);
  const std::int64_t classes = x.shape[1];
  for (std::int64_t n = 0; n < x.shape[0]; ++n) {
    double largest = x[n * classes], sum = 0;
    for (std::int64_t c = 0; c < classes; ++c) largest = std::max(largest, x[n * classes + c]);
    for (std::int64_t c = 0; c < classes; ++c) sum += std::exp(x[n * classes + c] - largest);
    for (std::int64_t c = 0; c < classes; ++c)
      y[n * classes + c] = x[n * classes + c] - largest - std::log(sum);
  }
  return y;
}

/// dx = dy - exp(y) (sum of dy over the row); y is forward's output.
inline Tensor log_softmax_backward(const Tensor& y, const Tensor& dy) {
  Tensor dx(y.shape);
  const std::int64_t classes = y.shape[1];
  for (std::int64_t n = 0; n < y.shape[0]; ++n) {
    double sum = 0;
    for (std::int64_t c = 0; c < classes; ++c) sum += dy[n * classes + c];
    for (std::int64_t c = 0; c < classes; ++c)
      dx[n * classes + c] = dy[n * classes + c] - std::exp(y[n * classes + c]) * sum;
  }
  return dx;
}

}  // namespace xr::reference
