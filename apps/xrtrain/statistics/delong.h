// Variance of the area under the ROC curve, and the comparison of two areas on the same images.
#pragma once

#include <span>

#include "apps/xrtrain/statistics/roc.h"

namespace xr::apps {

/// E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, "Comparing the areas under two or more correlated
/// receiver operating characteristic curves: a nonparametric approach", Biometrics 44, 1988; computed from
/// midranks as by X. Sun, W. Xu, "Fast implementation of DeLong's algorithm...", IEEE Signal Processing
/// Letters 21, 2014.
struct DeLong {
  std::optional<double> auroc;
  std::optional<double> variance;  ///< undefined with fewer than two images of a class
  /// 95 %, auroc -+ 1.96 sqrt(variance), cut at 0 and 1. Undefined where the variance is undefined or 0: a
  /// perfect ranking of few images says nothing of how good others would be.
  std::optional<Interval> interval;
};
[[nodiscard]] DeLong delong(Positive positive, std::span<const double> scores);

/// Two-sided test whether two scores of the same images have the same area.
struct DeLongTest {
  std::optional<double> auroc_a, auroc_b;
  std::optional<double> difference;  ///< a - b
  std::optional<double> variance;    ///< of the difference
  std::optional<Interval> interval;  ///< of the difference, 95 %, cut at -1 and 1
  std::optional<double> z, p;        ///< undefined where the variance is undefined or 0
};
[[nodiscard]] DeLongTest delong_test(Positive positive, std::span<const double> scores_a,
                                     std::span<const double> scores_b);

}  // namespace xr::apps
