// The mean over H and W: (N, C, H, W) to (N, C).
#pragma once

#include "tests/reference/tensor.h"

namespace xr::reference {

inline Tensor global_avg_pool2d_forward(const Tensor& x) {
  Tensor y(Shape{x.shape[0], x.shape[1]});
  const std::int64_t plane = x.shape[2] * x.shape[3];
  for (std::int64_t i = 0; i < x.size(); ++i) y[i / plane] += x[i];
  for (double& value : y.values) value /= static_cast<double>(plane);
  return y;
}

inline Tensor global_avg_pool2d_backward(const Tensor& dy, const Shape& x) {
  Tensor dx(x);
  const std::int64_t plane = x[2] * x[3];
  for (std::int64_t i = 0; i < dx.size(); ++i) dx[i] = dy[i / plane] / static_cast<double>(plane);
  return dx;
}

}  // namespace xr::reference
