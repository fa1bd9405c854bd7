// Whether two classifiers of the same images are right equally often.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace xr::statistics {

/// Q. McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
/// Psychometrika 12, 1947.
struct McNemar {
  std::int64_t only_a = 0, only_b = 0;  ///< images that only one of the two has right
  /// (only_a - only_b)^2 / (only_a + only_b), chi-squared with one degree of freedom, without continuity
  /// correction; undefined if both are right on the same images.
  std::optional<double> statistic;
  double p_exact = 1.0;                ///< binomial, two-sided
  std::optional<double> p_asymptotic;  ///< of the statistic
  /// p_exact up to 1000 images that only one has right, then p_asymptotic, which is the same by then.
  double p = 1.0;
  bool exact = true;  ///< which of both p is
};
[[nodiscard]] McNemar mcnemar_test(std::int64_t only_a, std::int64_t only_b);
/// From whether each image was predicted right by a and by b.
[[nodiscard]] McNemar mcnemar_test(std::span<const std::uint8_t> right_a,
                                   std::span<const std::uint8_t> right_b);

}  // namespace xr::statistics
