// How well scores rank the positive images before the negative ones.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "apps/statistics/confusion.h"

namespace xr::statistics {

/// Whether each image is of the positive class: 1 or 0.
using Positive = std::span<const std::uint8_t>;

/// 1 where the label is `positive`.
[[nodiscard]] std::vector<std::uint8_t> against_rest(std::span<const std::int64_t> labels,
                                                     std::size_t positive);
/// Column `column` of a row-major matrix of `columns` columns: the scores of one class.
[[nodiscard]] std::vector<double> column_of(std::span<const double> matrix, std::size_t columns,
                                            std::size_t column);

/// An image is called positive if its score is `threshold` or more.
struct RocPoint {
  double threshold = 0.0;  ///< infinity for the first point, at which nothing is positive
  std::int64_t true_positives = 0, false_positives = 0;
  std::optional<double> sensitivity, specificity;
};

/// Images sorted by their score, once for many resamples. Higher scores speak for the positive class. Throws
/// Error if a score is NaN.
class Ranking {
 public:
  Ranking(Positive positive, std::span<const double> scores);

  /// Area under the ROC curve: the probability that a positive image has a higher score than a negative one,
  /// ties count half (Mann-Whitney). Undefined without both classes.
  [[nodiscard]] std::optional<double> auroc(Times times = {}) const;
  /// Average precision, the sum over thresholds of (R_k - R_{k-1}) P_k, without interpolation, as
  /// scikit-learn defines it. Undefined without both classes: of positives alone it is 1 for any scores.
  [[nodiscard]] std::optional<double> average_precision(Times times = {}) const;
  /// One point for "none", then one per distinct score, from the highest on: one more than distinct scores.
  [[nodiscard]] std::vector<RocPoint> curve() const;

 private:
  /// Calls tie(threshold, positives, negatives) for each group of equal scores, the highest first.
  template <class Tie>
  void for_each_tie(Times times, Tie&& tie) const;

  std::vector<std::uint32_t> order_;  // of images, by falling score
  std::vector<std::uint8_t> positive_;
  std::vector<double> scores_;  // both in this order
};

/// Ranking(positive, scores).auroc() and so on, where it is needed once.
[[nodiscard]] std::optional<double> auroc(Positive positive, std::span<const double> scores);
[[nodiscard]] std::optional<double> average_precision(Positive positive, std::span<const double> scores);
[[nodiscard]] std::vector<RocPoint> roc_curve(Positive positive, std::span<const double> scores);

}  // namespace xr::statistics
