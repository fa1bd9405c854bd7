// Softmax over the rows of (N, classes): y = exp(x - max) / sum exp(x - max).
#pragma once

#include <algorithm>

#include "tests/reference/tensor.h"

namespace xr::reference {

inline Tensor softmax_forward(const Tensor& x) {
  Tensor y(x.shape);
  const std::int64_t classes = x.shape[1];
  for (std::int64_t n = 0; n < x.shape[0]; ++n) {
    double largest = x[n * classes], sum = 0;
    for (std::int64_t c = 0; c < classes; ++c) largest = std::max(largest, x[n * classes + c]);
    for (std::int64_t c = 0; c < classes; ++c) sum += std::exp(x[n * classes + c] - largest);
    for (std::int64_t c = 0; c < classes; ++c)
      y[n * classes + c] = std::exp(x[n * classes + c] - largest) / sum;
  }
  return y;
}

/// dx = y (dy - sum of dy y over the row); y is forward's output.
inline Tensor softmax_backward(const Tensor& y, const Tensor& dy) {
  Tensor dx(y.shape);
  const std::int64_t classes = y.shape[1];
  for (std::int64_t n = 0; n < y.shape[0]; ++n) {
    double dot = 0;
    for (std::int64_t c = 0; c < classes; ++c) dot += dy[n * classes + c] * y[n * classes + c];
    for (std::int64_t c = 0; c < classes; ++c)
      dx[n * classes + c] = y[n * classes + c] * (dy[n * classes + c] - dot);
  }
  return dx;
}

}  // namespace xr::reference
