// Matrix products: c = op(a) op(b) with op(m) = transpose ? m^T : m, and the fully connected layer
// y = x weight^T + bias.
#pragma once

#include "tests/reference/tensor.h"

namespace xr::reference {

/// (rows, columns) of a matrix to (columns, rows).
inline Tensor transpose(const Tensor& m) {
  Tensor result(Shape{m.shape[1], m.shape[0]});
  for (std::int64_t i = 0; i < m.shape[0]; ++i)
    for (std::int64_t j = 0; j < m.shape[1]; ++j) result[j * m.shape[0] + i] = m[i * m.shape[1] + j];
  return result;
}

/// (M, K) times (K, N).
inline Tensor matmul(const Tensor& a, const Tensor& b) {
  XR_CHECK(a.shape[1] == b.shape[0], "matmul of {} and {}", a.shape.to_string(), b.shape.to_string());
  Tensor c(Shape{a.shape[0], b.shape[1]});
  for (std::int64_t i = 0; i < a.shape[0]; ++i)
    for (std::int64_t k = 0; k < a.shape[1]; ++k)
      for (std::int64_t j = 0; j < b.shape[1]; ++j)
        c[i * b.shape[1] + j] += a[i * a.shape[1] + k] * b[k * b.shape[1] + j];
  return c;
}

inline Tensor matmul(const Tensor& a, bool transpose_a, const Tensor& b, bool transpose_b) {
  return matmul(transpose_a ? transpose(a) : a, transpose_b ? transpose(b) : b);
}

/// x (N, in), weight (out, in), bias (out) or null; y (N, out).
inline Tensor linear_forward(const Tensor& x, const Tensor& weight, const Tensor* bias) {
  Tensor y = matmul(x, transpose(weight));
  if (bias != nullptr)
    for (std::int64_t i = 0; i < y.size(); ++i) y[i] += (*bias)[i % y.shape[1]];
  return y;
}

struct LinearGradients {
  Tensor dx, d_weight, d_bias;
};

inline LinearGradients linear_backward(const Tensor& x, const Tensor& weight, const Tensor& dy) {
  LinearGradients result{matmul(dy, weight), matmul(transpose(dy), x), Tensor(Shape{dy.shape[1]})};
  for (std::int64_t i = 0; i < dy.size(); ++i) result.d_bias[i % dy.shape[1]] += dy[i];
  return result;
}

}  // namespace xr::reference
