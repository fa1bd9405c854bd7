// Max pooling. Of equal values the first in row-major window order wins, NaN wins over numbers, padding never
// wins.
#pragma once

#include "tests/reference/pool2d.h"

namespace xr::reference {

struct MaxPool2d {
  Tensor y;                          ///< (N, C, H', W')
  std::vector<std::int64_t> argmax;  ///< for each element of y the index of its source in x
};

inline MaxPool2d max_pool2d_forward(const Pool2dParams& params, const Tensor& x) {
  MaxPool2d result{Tensor(pool2d_shape(params, x.shape)), {}};
  result.argmax.resize(result.y.values.size());
  pool2d_for_each_output(result.y.shape,
                         [&](std::int64_t out, std::int64_t plane, std::int64_t i, std::int64_t j) {
                           std::int64_t best = -1;
                           pool2d_for_each_in_window(params, x.shape, plane, i, j, [&](std::int64_t in) {
                             if (best < 0 || x[in] > x[best] || (std::isnan(x[in]) && !std::isnan(x[best])))
                               best = in;
                           });
                           XR_CHECK(best >= 0, "the window of output {} holds nothing but padding", out);
                           result.y[out] = x[best];
                           result.argmax[static_cast<std::size_t>(out)] = best;
                         });
  return result;
}

inline Tensor max_pool2d_backward(const Tensor& dy, const std::vector<std::int64_t>& argmax, const Shape& x) {
  Tensor dx(x);
  for (std::int64_t out = 0; out < dy.size(); ++out) dx[argmax[static_cast<std::size_t>(out)]] += dy[out];
  return dx;
}

}  // namespace xr::reference
