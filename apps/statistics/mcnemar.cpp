#include "apps/statistics/mcnemar.h"

#include <cmath>

#include "apps/statistics/interval.h"
#include "kernels/common/error.h"

namespace xr::statistics {

McNemar mcnemar_test(std::int64_t only_a, std::int64_t only_b) {
  McNemar result;
  result.only_a = only_a;
  result.only_b = only_b;
  result.p_exact = binomial_test_half(only_a, only_a + only_b);
  result.p = result.p_exact;
  if (only_a + only_b == 0) return result;
  const double z = static_cast<double>(only_a - only_b) / std::sqrt(static_cast<double>(only_a + only_b));
  result.statistic = z * z;
  result.p_asymptotic = two_sided_p(z);
  result.exact = only_a + only_b <= 1000;
  if (!result.exact) result.p = *result.p_asymptotic;
  return result;
}

McNemar mcnemar_test(std::span<const std::uint8_t> right_a, std::span<const std::uint8_t> right_b) {
  XR_CHECK(right_a.size() == right_b.size(), "{} images of a and {} of b: they must be the same images",
           right_a.size(), right_b.size());
  std::int64_t only_a = 0, only_b = 0;
  for (std::size_t i = 0; i < right_a.size(); ++i) {
    only_a += right_a[i] && !right_b[i];
    only_b += right_b[i] && !right_a[i];
  }
  return mcnemar_test(only_a, only_b);
}

}  // namespace xr::statistics
