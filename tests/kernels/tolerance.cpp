#include "tests/kernels/tolerance.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace xr::tests {

namespace {

struct Row {
  DType dtype;
  Arithmetic arithmetic;
  Tolerance tolerance;
};

constexpr std::array table = {
    Row{DType::f32, Arithmetic::exact, {0, 0}},
    Row{DType::f32, Arithmetic::elementwise, {3e-7, 1.5e-7}},
    Row{DType::f32, Arithmetic::transcendental, {1e-6, 5e-7}},
    Row{DType::f32, Arithmetic::reduction, {5e-7, 2.5e-7}},
    Row{DType::f32, Arithmetic::winograd, {5e-7, 6e-7}},
    // TF32's unit roundoff is 4.9e-4. Rounding two operands of each product moves a sum of random products by
    // 4e-4 of its own deviation, however many there are; cutting them off instead moves it by 1.1e-3.
    Row{DType::f32, Arithmetic::tf32, {5e-7, 2.2e-3}},
    // bf16 is stored, sums are f32: the rounding of the result dominates.
    Row{DType::bf16, Arithmetic::exact, {0, 0}},
    Row{DType::bf16, Arithmetic::elementwise, {8e-3, 4e-3}},
    Row{DType::bf16, Arithmetic::transcendental, {8e-3, 4e-3}},
    Row{DType::bf16, Arithmetic::reduction, {8e-3, 4e-3}},
    Row{DType::bf16, Arithmetic::winograd, {8e-3, 8e-3}},
    Row{DType::i64, Arithmetic::exact, {0, 0}},
    Row{DType::i32, Arithmetic::exact, {0, 0}},
    Row{DType::u8, Arithmetic::exact, {0, 0}},
};

bool same_special(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) || (std::isinf(a) && a == b);
}

}  // namespace

double rounded(double value, DType dtype) {
  if (dtype != DType::f32 && dtype != DType::bf16) return value;
  const auto single = static_cast<float>(value);
  if (dtype == DType::f32 || std::isnan(single)) return static_cast<double>(single);
  const auto bits = std::bit_cast<std::uint32_t>(single);
  const std::uint32_t upper = (bits + 0x7FFFu + (bits >> 16 & 1u)) & 0xFFFF0000u;
  return static_cast<double>(std::bit_cast<float>(upper));
}

Tolerance tolerance_of(DType dtype, Arithmetic arithmetic) {
  for (const Row& row : table)
    if (row.dtype == dtype && row.arithmetic == arithmetic) return row.tolerance;
  throw Error(fmt::format("no tolerance for {} of this kind", name_of(dtype)));
}

std::string compare(const Tensor& actual, const Expected& expected) {
  if (!(actual.shape == expected.values.shape))
    return fmt::format("shape {} instead of {}", actual.shape.to_string(), expected.values.shape.to_string());
  const Tolerance tolerance = tolerance_of(expected.dtype, expected.arithmetic);
  const double magnitude =
      expected.magnitude > 0 ? expected.magnitude : reference::root_mean_square(expected.values);
  const bool sum =
      expected.arithmetic == Arithmetic::reduction || expected.arithmetic == Arithmetic::winograd;
  const double growth = sum ? std::sqrt(std::max(1.0, expected.terms)) : 1;
  // A special value among the expected ones says nothing about the size of the others.
  const double absolute = std::isfinite(magnitude) ? tolerance.absolute * growth * magnitude : 0;

  std::int64_t wrong = 0, worst = 0;
  double worst_excess = -1, squares = 0, bounds = 0;
  for (std::int64_t i = 0; i < actual.size(); ++i) {
    const double value = rounded(expected.values[i], expected.dtype);
    if (same_special(actual[i], value)) continue;
    const double error = std::abs(actual[i] - value);
    const double bound = tolerance.relative * std::abs(value) + absolute;
    squares += error * error;
    bounds += bound * bound;
    const bool right = std::isfinite(value) && error <= bound;
    wrong += !right;
    const double excess = std::isfinite(error) ? error - bound : HUGE_VAL;
    if (!right && excess > worst_excess) {
      worst_excess = excess;
      worst = i;
    }
  }
  if (wrong > 0)
    return fmt::format(
        "{} of {} elements are wrong; the worst is element {}: {:.9g} instead of {:.9g}, "
        "error {:.3g}, tolerance {:.3g}",
        wrong, actual.size(), worst, actual[worst], expected.values[worst],
        std::abs(actual[worst] - expected.values[worst]),
        tolerance.relative * std::abs(expected.values[worst]) + absolute);
  if (!(std::sqrt(squares) <= std::max(std::sqrt(bounds) / 3, 0.0)) && actual.size() >= 16)
    return fmt::format("the root mean square error is {:.3g}, more than a third of the tolerance {:.3g}",
                       std::sqrt(squares / static_cast<double>(actual.size())),
                       std::sqrt(bounds / static_cast<double>(actual.size())));
  return {};
}

}  // namespace xr::tests
