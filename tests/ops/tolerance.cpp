#include "tests/ops/tolerance.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <optional>

namespace xr::tests {

namespace {

/// Of a norm: by the arithmetic itself, and how much more in tf32 and in bf16, where values and gradients of
/// activations are stored in bf16.
struct NormTolerance {
  double f32, tf32, bf16;
};

struct Row {
  Arithmetic arithmetic;
  std::optional<Tolerance> f32, bf16;  ///< of elements; in bf16 sums are f32: the result's rounding dominates
  std::optional<NormTolerance> norm;
};

constexpr std::nullopt_t none = std::nullopt;

// Unit roundoffs: f32 6.0e-8, TF32 4.9e-4, bf16 3.9e-3. Many independent roundings have a root mean square of
// 0.4 units; a norm may be of one number, though, and so of a whole unit.
constexpr std::array table = {
    Row{Arithmetic::exact, Tolerance{0, 0}, Tolerance{0, 0}, none},
    // Norms: one rounding to bf16, of the value or of the gradient. Operands are bf16 numbers there.
    Row{Arithmetic::elementwise, Tolerance{3e-7, 1.5e-7}, Tolerance{8e-3, 4e-3},
        NormTolerance{1.5e-7, 0, 3.9e-3}},
    Row{Arithmetic::to_bf16, none, none, NormTolerance{3.9e-3, 0, 0}},
    // Norms: the gradient is computed from the value as it was stored, one rounding more.
    Row{Arithmetic::transcendental, Tolerance{1e-6, 5e-7}, Tolerance{8e-3, 4e-3},
        NormTolerance{2e-7, 0, 8e-3}},
    Row{Arithmetic::sums, none, none, NormTolerance{2e-7, 0, 3.9e-3}},
    Row{Arithmetic::reduction, Tolerance{5e-7, 2.5e-7}, Tolerance{8e-3, 4e-3},
        NormTolerance{1e-6, 0, 3.9e-3}},
    // And each step of 8 terms cuts the sum off to 24 bits: see tensor_core_bias.
    Row{Arithmetic::tensor_core_sums, Tolerance{5e-7, 2.5e-7}, Tolerance{8e-3, 4e-3}, none},
    // Both factors are rounded to TF32; one of them (the weight) to bf16, and then the result.
    Row{Arithmetic::products, none, none, NormTolerance{1e-6, 1e-3, 8e-3}},
    // Rounding two operands of each product moves a sum of random products by 4e-4 of its own deviation,
    // however many there are; cutting them off instead moves it by 1.1e-3.
    Row{Arithmetic::tf32, Tolerance{5e-7, 2.2e-3}, none, none},
    Row{Arithmetic::winograd, Tolerance{5e-7, 6e-7}, Tolerance{8e-3, 8e-3}, none},
    // Rounding one operand of each product to bf16 moves a sum by 1.6e-3 of its own deviation, Winograd's rounded transforms by
    // 2.4 times as much (results) and up to 2.8 times (filter gradients): five deviations of that.
    Row{Arithmetic::winograd_in_bf16, Tolerance{5e-7, 2.3e-2}, Tolerance{8e-3, 2e-2}, none},
    Row{Arithmetic::normalised, none, none, NormTolerance{6e-7, 0, 3.9e-3}},
    Row{Arithmetic::normalised_kinks, none, none, NormTolerance{6e-7, 0, 8e-3}},
    // Where two values of a window are the same number in bf16, the gradient goes to the first instead of the
    // larger: an error of the square root of the share of such windows.
    Row{Arithmetic::normalised_ties, none, none, NormTolerance{6e-7, 0, 0.1}},
    // Errors of layers add up like independent ones. A share of the ReLUs and maxima as large as the relative
    // error decides otherwise than the oracle and sends its part of the gradient elsewhere: an error of the
    // square root of that share, which is far larger.
    // bf16: xray_resnet on a few small images, whose last batch norms see a few values, has a standard deviation of 2.2e-2
    // over seeds.
    Row{Arithmetic::network_forward, none, none, NormTolerance{4e-6, 2e-3, 7e-2}},
    Row{Arithmetic::report_cnn, none, none, NormTolerance{1e-5, 0.1, 0.25}},
    Row{Arithmetic::xray_resnet, none, none, NormTolerance{3e-5, 0.2, 0.8}},
};

const Row& row_of(Arithmetic arithmetic) {
  const auto* const row = std::ranges::find(table, arithmetic, &Row::arithmetic);
  XR_CHECK(row != table.end(), "no tolerances for arithmetic {}", static_cast<int>(arithmetic));
  return *row;
}

bool same_special(double a, double b) {
  return (std::isnan(a) && std::isnan(b)) || (std::isinf(a) && a == b);
}

/// Tensor cores cut sums off towards zero (kernels/simt/config.h): a step takes up to 2^-23 off the sum, half of that on
/// average, and always in the same direction, so that it grows with the number of steps and not with its root. A sum of
/// random terms is two thirds of its last value on the way there, and some 3 deviations at the most: together 2^-23 of a
/// deviation for each step. Libraries' products have the same bias; it reaches the error of TF32 operands, 4e-4, at
/// some 30 000 terms, and convolutions end their sums long before (filter_partials.h).
double tensor_core_bias(double terms) {
  return 0x1p-23 * terms / 8;
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
  const bool is_whole = dtype != DType::f32 && dtype != DType::bf16;
  const Row& row = row_of(arithmetic);
  const std::optional<Tolerance>& tolerance = dtype == DType::bf16 ? row.bf16 : row.f32;
  XR_CHECK(tolerance && (!is_whole || arithmetic == Arithmetic::exact),
           "no tolerance for elements of type {} and arithmetic {}", name_of(dtype),
           static_cast<int>(arithmetic));
  return *tolerance;
}

double norm_tolerance_of(Arithmetic arithmetic, Precision precision, double growth) {
  const std::optional<NormTolerance>& norm = row_of(arithmetic).norm;
  XR_CHECK(norm.has_value(), "no tolerance for norms of arithmetic {}", static_cast<int>(arithmetic));
  return norm->f32 * growth + (precision == Precision::tf32   ? norm->tf32
                               : precision == Precision::bf16 ? norm->bf16
                                                              : 0);
}

double kernel_tolerance_of(bool is_product, Precision precision, double longest_sum) {
  // bf16 rounds operands and results to 2^-8 of themselves, TF32 operands of products to 2^-11. In fp32
  // Winograd's transforms cost a few bits, and n random numbers added one after another 2^-24 sqrt(n).
  if (precision == Precision::bf16) return 5e-3;
  const double in_order = 6e-8 * std::sqrt(longest_sum);
  return std::max(is_product && precision == Precision::tf32 ? 1e-3 : 2e-5, in_order);
}

std::string compare(const Tensor& actual, const Expected& expected) {
  if (!(actual.shape == expected.values.shape))
    return fmt::format("shape {} instead of {}", actual.shape.to_string(), expected.values.shape.to_string());
  const Tolerance tolerance = tolerance_of(expected.dtype, expected.arithmetic);
  const double magnitude =
      expected.magnitude > 0 ? expected.magnitude : reference::root_mean_square(expected.values);
  const bool on_tensor_cores = expected.arithmetic == Arithmetic::tensor_core_sums;
  const bool sum = on_tensor_cores || expected.arithmetic == Arithmetic::reduction ||
                   expected.arithmetic == Arithmetic::winograd;
  const double growth = sum ? std::sqrt(std::max(1.0, expected.terms)) : 1;
  // A special value among the expected ones says nothing about the size of the others.
  const double of_magnitude =
      tolerance.absolute * growth + (on_tensor_cores ? tensor_core_bias(expected.terms) : 0);
  const double absolute = std::isfinite(magnitude) ? of_magnitude * magnitude : 0;

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
