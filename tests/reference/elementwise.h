// Element-wise sums and products with NumPy's broadcasting, and the two operations that are its backward.
#pragma once

#include <algorithm>

#include "tests/reference/tensor.h"

namespace xr::reference {

/// The shape that a and b broadcast to.
inline Shape broadcast_shape(const Shape& a, const Shape& b) {
  const std::size_t rank = std::max(a.rank(), b.rank());
  Shape result;
  for (std::size_t d = 0; d < rank; ++d) {
    const std::int64_t in_a = d + a.rank() >= rank ? a[d + a.rank() - rank] : 1;
    const std::int64_t in_b = d + b.rank() >= rank ? b[d + b.rank() - rank] : 1;
    XR_CHECK(in_a == in_b || in_a == 1 || in_b == 1, "{} and {} do not broadcast", a.to_string(),
             b.to_string());
    result.push_back(in_a == 1 ? in_b : in_a);
  }
  return result;
}

/// The element of a `small` tensor that element `index` of a `large` one meets when small is broadcast.
inline std::int64_t broadcast_index(const Shape& large, std::int64_t index, const Shape& small) {
  std::int64_t result = 0, step = 1;
  for (std::size_t from_right = 1; from_right <= large.rank(); ++from_right) {
    const std::int64_t extent = large[large.rank() - from_right];
    const std::int64_t coordinate = index % extent;
    index /= extent;
    if (from_right > small.rank()) continue;
    const std::int64_t small_extent = small[small.rank() - from_right];
    if (small_extent != 1) result += coordinate * step;
    step *= small_extent;
  }
  return result;
}

inline Tensor add(const Tensor& a, const Tensor& b) {
  Tensor y(broadcast_shape(a.shape, b.shape));
  for (std::int64_t i = 0; i < y.size(); ++i)
    y[i] = a[broadcast_index(y.shape, i, a.shape)] + b[broadcast_index(y.shape, i, b.shape)];
  return y;
}

inline Tensor multiply(const Tensor& a, const Tensor& b) {
  Tensor y(broadcast_shape(a.shape, b.shape));
  for (std::int64_t i = 0; i < y.size(); ++i)
    y[i] = a[broadcast_index(y.shape, i, a.shape)] * b[broadcast_index(y.shape, i, b.shape)];
  return y;
}

/// scale * sum of x over the dimensions in which `shape` (right-aligned) has the extent 1 or nothing.
inline Tensor sum_to_shape(const Tensor& x, double scale, const Shape& shape) {
  Tensor y(shape);
  for (std::int64_t i = 0; i < x.size(); ++i) y[broadcast_index(x.shape, i, shape)] += scale * x[i];
  return y;
}

inline Tensor broadcast_to(const Tensor& dy, double scale, const Shape& shape) {
  Tensor dx(shape);
  for (std::int64_t i = 0; i < dx.size(); ++i) dx[i] = scale * dy[broadcast_index(shape, i, dy.shape)];
  return dx;
}

}  // namespace xr::reference
