// Average pooling. The divisor is the window's size, or with count_include_pad = false the number of its
// elements that lie in the image.
#pragma once

#include "tests/reference/pool2d.h"

namespace xr::reference {

/// The window of y[i, j] never reaches further than the padding, as the output extent is rounded down.
inline double avg_pool2d_divisor(const Pool2dParams& params, const Shape& x, std::int64_t i, std::int64_t j) {
  if (params.count_include_pad) return static_cast<double>(params.kernel_h * params.kernel_w);
  double count = 0;
  pool2d_for_each_in_window(params, x, 0, i, j, [&](std::int64_t) { count += 1; });
  return count;
}

inline Tensor avg_pool2d_forward(const Pool2dParams& params, const Tensor& x) {
  Tensor y(pool2d_shape(params, x.shape));
  pool2d_for_each_output(y.shape, [&](std::int64_t out, std::int64_t plane, std::int64_t i, std::int64_t j) {
    pool2d_for_each_in_window(params, x.shape, plane, i, j, [&](std::int64_t in) { y[out] += x[in]; });
    y[out] /= avg_pool2d_divisor(params, x.shape, i, j);
  });
  return y;
}

inline Tensor avg_pool2d_backward(const Pool2dParams& params, const Tensor& dy, const Shape& x) {
  Tensor dx(x);
  pool2d_for_each_output(dy.shape, [&](std::int64_t out, std::int64_t plane, std::int64_t i, std::int64_t j) {
    const double share = dy[out] / avg_pool2d_divisor(params, x, i, j);
    pool2d_for_each_in_window(params, x, plane, i, j, [&](std::int64_t in) { dx[in] += share; });
  });
  return dx;
}

}  // namespace xr::reference
