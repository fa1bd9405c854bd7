// y = max(x, 0), NaN stays NaN; dx = dy where y > 0, else 0.
#pragma once

#include "tests/reference/tensor.h"

namespace xr::reference {

inline Tensor relu_forward(const Tensor& x) {
  Tensor y = x;
  for (double& value : y.values)
    if (value < 0) value = 0;
  return y;
}

inline Tensor relu_backward(const Tensor& y, const Tensor& dy) {
  Tensor dx(y.shape);
  for (std::int64_t i = 0; i < y.size(); ++i) dx[i] = y[i] > 0 ? dy[i] : 0.0;
  return dx;
}

}  // namespace xr::reference
