// Central differences: (f(x + h) - f(x - h)) / 2h, and random inputs for them.
#pragma once

#include <cstdint>

#include "kernels/common/random.h"
#include "tests/reference/tensor.h"

namespace xr::reference {

/// Normal numbers that single precision holds exactly. `number` tells the tensors of one test apart.
inline Tensor random_normal(const Shape& shape, std::uint64_t number, double mean = 0.0,
                            double deviation = 1.0) {
  Tensor result(shape);
  Philox random(20240601, number);
  for (double& value : result.values)
    value = static_cast<double>(static_cast<float>(mean + deviation * static_cast<double>(random.normal())));
  return result;
}

/// A random order of the numbers (i + 1/4) / count * 4 - 2, rounded to single precision: all distinct and
/// none is 0, so that maxima and signs are no matter of rounding.
inline Tensor random_distinct(const Shape& shape, std::uint64_t number) {
  Tensor result(shape);
  const std::int64_t count = result.size();
  for (std::int64_t i = 0; i < count; ++i) {
    const double value = (static_cast<double>(i) + 0.25) / static_cast<double>(count) * 4 - 2;
    result[i] = static_cast<double>(static_cast<float>(value));
  }
  Philox random(20240602, number);
  for (std::int64_t i = count - 1; i > 0; --i)
    std::swap(result[i], result[random.below(static_cast<std::uint32_t>(i + 1))]);
  return result;
}

/// ||numeric - dx|| / ||numeric||, where numeric is the gradient of sum(dy f(x)) by central differences of f.
/// NaN if anything is NaN: check it with `error <= tolerance`.
template <class Function>
double gradient_error(Function&& f, const Tensor& x, const Tensor& dy, const Tensor& dx, double step = 1e-5) {
  XR_CHECK(dx.shape == x.shape, "the gradient of {} has the shape {}", x.shape.to_string(),
           dx.shape.to_string());
  double difference = 0, norm = 0;
  Tensor moved = x;
  for (std::int64_t i = 0; i < x.size(); ++i) {
    moved[i] = x[i] + step;
    const Tensor above = f(moved);
    moved[i] = x[i] - step;
    const Tensor below = f(moved);
    moved[i] = x[i];
    double numeric = 0;
    for (std::int64_t j = 0; j < dy.size(); ++j) numeric += dy[j] * (above[j] - below[j]);
    numeric /= 2 * step;
    difference += (numeric - dx[i]) * (numeric - dx[i]);
    norm += numeric * numeric;
  }
  return std::sqrt(difference / norm);
}

}  // namespace xr::reference
