// Variance of the area under the ROC curve, and the comparison of two areas on the same images.
#pragma once

#include <span>

#include "apps/statistics/roc.h"

namespace xr::statistics {

/// E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson, "Comparing the areas under two or more correlated
/// receiver operating characteristic curves: a nonparametric approach", Biometrics 44, 1988; computed from
/// midranks as by X. Sun, W. Xu, "Fast implementation of DeLong's algorithm...", IEEE Signal Processing
/// Letters 21, 2014.
struct DeLong {
  std::optional<double> auroc;
  std::optional<double> variance;    ///< undefined with fewer than two images of a class
  std::optional<Interval> interval;  ///< area_interval of both
};
[[nodiscard]] DeLong delong(Positive positive, std::span<const double> scores);

/// The same of images that come in clusters (the images of a patient), which are independent of each other
/// though the images of one are not: N. A. Obuchowski, "Nonparametric analysis of clustered ROC curve data",
/// Biometrics 53, 1997. `clusters`: images of one cluster have the same number. DeLong's variance where each
/// image is a cluster of its own; undefined with fewer than two clusters of a class.
[[nodiscard]] DeLong clustered_delong(Positive positive, std::span<const double> scores,
                                      std::span<const std::size_t> clusters);

/// The 95 % interval of an area: logit(area) -+ 1.96 sqrt(variance) / (area (1 - area)), taken back. On the
/// scale of the area itself an interval near 1 reaches too high and holds the true area too seldom: M. S.
/// Pepe, "The Statistical Evaluation of Medical Tests for Classification and Prediction", 2003, section 5.2.
/// Undefined where the variance is undefined or 0: a perfect ranking of few images says nothing of how good
/// others would be.
[[nodiscard]] std::optional<Interval> area_interval(double area, std::optional<double> variance);

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

}  // namespace xr::statistics
