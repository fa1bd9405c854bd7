#include "apps/statistics/interval.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

namespace xr::statistics {

Interval wilson_interval(std::int64_t k, std::int64_t n) {
  if (n <= 0) return {};
  constexpr double z = normal_quantile_975;
  const auto trials = static_cast<double>(n);
  const double p = static_cast<double>(k) / trials, z2 = z * z / trials;
  const double centre = (p + z2 / 2) / (1 + z2);
  const double half = z / (1 + z2) * std::sqrt(p * (1 - p) / trials + z2 / (4 * trials));
  // Exactly 0 and 1 where they are, which rounding would miss.
  return {k == 0 ? 0.0 : std::max(0.0, centre - half), k == n ? 1.0 : std::min(1.0, centre + half)};
}

Estimate proportion(std::int64_t k, std::int64_t n) {
  if (n <= 0) return {};
  return {static_cast<double>(k) / static_cast<double>(n), wilson_interval(k, n)};
}

double two_sided_p(double z) {
  return std::erfc(std::abs(z) / std::numbers::sqrt2);
}

double binomial_test_half(std::int64_t k, std::int64_t n) {
  if (n <= 0) return 1.0;
  const std::int64_t smaller = std::min(k, n - k);
  // Each term from the one before; from the largest, so that far tails do not underflow the sum.
  const double log_term =
      std::lgamma(static_cast<double>(n) + 1) - std::lgamma(static_cast<double>(smaller) + 1) -
      std::lgamma(static_cast<double>(n - smaller) + 1) - static_cast<double>(n) * std::numbers::ln2;
  double ratio = 1.0, sum = 0.0;
  for (std::int64_t i = smaller; i >= 0; --i) {
    sum += ratio;
    ratio *= static_cast<double>(i) / static_cast<double>(n - i + 1);
  }
  return std::min(1.0, 2.0 * std::exp(log_term + std::log(sum)));
}

double one_class_probability(std::span<const std::size_t> class_sizes, std::size_t drawn) {
  const double all =
      static_cast<double>(std::accumulate(class_sizes.begin(), class_sizes.end(), std::size_t{0}));
  if (drawn < 2) return 1.0;
  double sum = 0.0;
  for (const std::size_t size : class_sizes) {
    if (size < drawn) continue;
    double product = 1.0;
    for (std::size_t i = 0; i < drawn; ++i)
      product *= static_cast<double>(size - i) / (all - static_cast<double>(i));
    sum += product;
  }
  return std::min(1.0, sum);
}

std::vector<double> holm_adjusted(std::span<const double> p) {
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return p[a] < p[b]; });
  std::vector<double> adjusted(p.size());
  double largest = 0.0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    largest = std::max(largest, std::min(1.0, static_cast<double>(order.size() - i) * p[order[i]]));
    adjusted[order[i]] = largest;
  }
  return adjusted;
}

}  // namespace xr::statistics
