// Intervals and p values that need no data but counts.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace xr::statistics {

struct Interval {
  double low = 0.0, high = 1.0;
  friend bool operator==(const Interval&, const Interval&) = default;
};

/// A value with its 95 % interval; nothing where it is not defined.
struct Estimate {
  std::optional<double> value;
  std::optional<Interval> interval;
};

/// The normal distribution's 97.5 % quantile: all intervals of the program are 95 % intervals.
constexpr double normal_quantile_975 = 1.959963984540054;

/// The Wilson score interval of k successes in n trials, 95 %: E. B. Wilson, "Probable inference, the law of
/// succession, and statistical inference", JASA 22, 1927. [0, 1] for n = 0.
[[nodiscard]] Interval wilson_interval(std::int64_t k, std::int64_t n);

/// k / n with its Wilson interval; undefined for n = 0.
[[nodiscard]] Estimate proportion(std::int64_t k, std::int64_t n);

/// Probability that a standard normal number is farther from 0 than z: erfc(|z| / sqrt 2).
[[nodiscard]] double two_sided_p(double z);

/// Exact two-sided test of k successes in n trials against probability 1/2: twice the smaller tail, at
/// most 1.
[[nodiscard]] double binomial_test_half(std::int64_t k, std::int64_t n);

/// Probability that `drawn` images, drawn without replacement from classes of these sizes, are all of one
/// class, whichever (hypergeometric). 1 for fewer than two.
[[nodiscard]] double one_class_probability(std::span<const std::size_t> class_sizes, std::size_t drawn);

/// p values of several tests, each so much larger that taking those below 0.05 finds a difference where there
/// is none, in any of the tests, at most 5 times in 100: S. Holm, "A simple sequentially rejective multiple
/// test procedure", Scandinavian Journal of Statistics 6, 1979.
[[nodiscard]] std::vector<double> holm_adjusted(std::span<const double> p);

}  // namespace xr::statistics
