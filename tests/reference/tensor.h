// What the float64 oracle computes with: plain row-major arrays, logical order N, C, H, W, no layouts.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels/common/types.h"

namespace xr::reference {

using kernels::Shape;

struct Tensor {
  Shape shape;
  std::vector<double> values;

  Tensor() = default;
  explicit Tensor(const Shape& shape_in, double value = 0.0)
      : shape(shape_in), values(static_cast<std::size_t>(shape_in.numel()), value) {}
  Tensor(const Shape& shape_in, std::vector<double> values_in)
      : shape(shape_in), values(std::move(values_in)) {
    XR_CHECK(static_cast<std::int64_t>(values.size()) == shape.numel(), "{} values for the shape {}",
             values.size(), shape.to_string());
  }

  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(values.size()); }
  double& operator[](std::int64_t index) { return values[static_cast<std::size_t>(index)]; }
  double operator[](std::int64_t index) const { return values[static_cast<std::size_t>(index)]; }

  /// Element (n, c, h, w) of a rank-4 tensor.
  double& at(std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w) {
    return (*this)[((n * shape[1] + c) * shape[2] + h) * shape[3] + w];
  }
  [[nodiscard]] double at(std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w) const {
    return (*this)[((n * shape[1] + c) * shape[2] + h) * shape[3] + w];
  }
};

/// sqrt(mean of squares); 0 of an empty tensor.
inline double root_mean_square(const Tensor& x) {
  double sum = 0;
  for (const double value : x.values) sum += value * value;
  return x.values.empty() ? 0.0 : std::sqrt(sum / static_cast<double>(x.size()));
}

}  // namespace xr::reference
