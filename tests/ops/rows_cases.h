// Rows of (N, classes): inputs of softmax and the loss.
#pragma once

#include <fmt/core.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/common/random.h"
#include "tests/ops/call.h"
#include "tests/ops/gradient_case.h"
#include "tests/reference/gradient_check.h"

namespace xr::tests {

struct RowsCase {
  std::string name;
  std::int64_t rows, classes;
  double spike = 0;  ///< added to one logit of each row

  [[nodiscard]] Shape shape() const { return {rows, classes}; }
};

[[nodiscard]] inline RowsCase rows_case(std::int64_t rows, std::int64_t classes, double spike = 0) {
  std::string name = fmt::format("{}x{}", rows, classes);
  if (spike != 0) name += fmt::format("_spike_{}", spike);
  return {std::move(name), rows, classes, spike};
}

inline const std::vector<RowsCase>& rows_cases() {
  static const std::vector<RowsCase> cases = {
      rows_case(1, 1),       rows_case(1, 2),      rows_case(60, 2, 4),  rows_case(7, 3, 8),
      rows_case(5, 10, -3),  rows_case(3, 33, 20), rows_case(19, 2, 60), rows_case(2, 1000, 6),
      rows_case(3, 2500, 8), rows_case(513, 4, 2)};
  return cases;
}

/// Normal numbers with deviation 2 and a spike in one class of each row, so that the probabilities are
/// neither all alike nor all near 0.
inline Tensor spiked_logits(const RowsCase& c, std::uint64_t number, DType dtype = DType::f32) {
  Tensor logits = reference::random_normal(c.shape(), number, 0, 2);
  for (std::int64_t row = 0; row < c.rows; ++row) logits[row * c.classes + row * 5 % c.classes] += c.spike;
  return to_type(logits, dtype);
}

/// One label per row, in [0, classes).
inline std::vector<std::int64_t> random_labels(const RowsCase& c, std::uint64_t seed, std::uint64_t number) {
  std::vector<std::int64_t> labels;
  Philox random(seed, number);
  for (std::int64_t row = 0; row < c.rows; ++row)
    labels.push_back(random.below(static_cast<std::uint32_t>(c.classes)));
  return labels;
}

/// The gradient is a difference of numbers of the size of y dy.
inline Expected gradient_of_rows(const Tensor& values, DType dtype, const RowsCase& c, double magnitude) {
  const double terms = dtype == DType::f32 ? static_cast<double>(c.classes) : 1;
  return {values, dtype, Arithmetic::reduction, terms, magnitude};
}

/// For the gradients through the engine: softer logits, with the spike in another class.
inline Tensor gradient_logits(const RowsCase& c) {
  Tensor x = reference::random_normal(c.shape(), 1);
  for (std::int64_t n = 0; n < c.rows; ++n) x[n * c.classes + n % c.classes] += c.spike;
  return to_single(x);
}

/// Where one probability is 1 the terms of a gradient cancel; they are of the size of the seed.
inline double gradient_terms(const RowsCase& c) {
  return std::sqrt(static_cast<double>(c.rows));
}

// --- logits far from zero, or of minus infinity

/// exp overflows at 89 and underflows at -104: the row's maximum must be taken off first.
inline Tensor large_logits() {
  return {{3, 4}, {1000, 1001, 999, 1000.5, -2000, -2001, -2000.25, -1999, 0, 300, -300, 299}};
}

/// The class of a logit of -infinity is ruled out: probability 0, and no NaN.
struct RuledOutClasses {
  Tensor x, y, log_y;
  RuledOutClasses() : y(Shape{3, 4}), log_y(Shape{3, 4}) {
    constexpr double infinity = HUGE_VAL;
    x = {{3, 4}, {0.5, -infinity, 1, -infinity, -infinity, -infinity, -infinity, 2, -3, 0.25, 0, 1}};
    for (std::int64_t row = 0; row < 3; ++row) {
      double sum = 0;
      for (std::int64_t c = 0; c < 4; ++c) sum += std::exp(x[4 * row + c]);
      for (std::int64_t c = 0; c < 4; ++c) {
        y[4 * row + c] = std::exp(x[4 * row + c]) / sum;
        log_y[4 * row + c] = x[4 * row + c] - std::log(sum);
      }
    }
  }
};

/// A case of one kind of logits.
struct LogitsCase {
  std::string name;
};

}  // namespace xr::tests
