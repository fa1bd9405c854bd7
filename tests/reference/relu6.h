// y = min(max(x, 0), 6), NaN stays NaN; dx = dy where 0 < y < 6, else 0.
#pragma once

#include "tests/reference/tensor.h"

namespace xr::reference {

inline Tensor relu6_forward(const Tensor& x) {
  Tensor y = x;
  for (double& value : y.values) {
    if (value < 0) value = 0;
    if (value > 6) value = 6;
  }
  return y;
}

inline Tensor relu6_backward(const Tensor& y, const Tensor& dy) {
  Tensor dx = dy;
  for (std::int64_t i = 0; i < y.size(); ++i)
    if (!(y[i] > 0 && y[i] < 6)) dx[i] = 0;
  return dx;
}

}  // namespace xr::reference
