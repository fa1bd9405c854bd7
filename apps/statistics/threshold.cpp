#include "apps/statistics/threshold.h"

#include "kernels/common/error.h"

namespace xr::statistics {

namespace {

/// Halfway from the score at curve[i] to the next lower one, of the lowest score to 0; the score itself where
/// no number lies in between.
double halfway_below(const std::vector<RocPoint>& curve, std::size_t i) {
  const double score = curve[i].threshold, next = i + 1 < curve.size() ? curve[i + 1].threshold : 0.0;
  const double middle = next + (score - next) / 2;
  return middle > next && middle <= score ? middle : score;
}

}  // namespace

std::optional<double> youden_threshold(Positive positive, std::span<const double> scores) {
  const std::vector<RocPoint> curve = roc_curve(positive, scores);
  const std::int64_t m = curve.back().true_positives, n = curve.back().false_positives;
  if (m == 0 || n == 0) return std::nullopt;
  // TP / m - FP / n, times m n: in integers, so that equal ones are equal.
  std::size_t best = 1;
  const auto index = [&](std::size_t i) {
    return curve[i].true_positives * n - curve[i].false_positives * m;
  };
  for (std::size_t i = 2; i < curve.size(); ++i)
    if (index(i) > index(best)) best = i;
  return halfway_below(curve, best);
}

std::optional<double> sensitivity_threshold(Positive positive, std::span<const double> scores,
                                            double sensitivity) {
  XR_CHECK(sensitivity > 0.0 && sensitivity <= 1.0,
           "the wanted sensitivity is {}: use one above 0 and at most 1", sensitivity);
  const std::vector<RocPoint> curve = roc_curve(positive, scores);
  if (curve.back().true_positives == 0 || curve.back().false_positives == 0) return std::nullopt;
  std::size_t first = 1;
  while (first + 1 < curve.size() && *curve[first].sensitivity < sensitivity) ++first;
  return halfway_below(curve, first);
}

BinaryCounts counts_at(Positive positive, std::span<const double> scores, double threshold) {
  XR_CHECK(positive.size() == scores.size(), "{} labels and {} scores: their number must be the same",
           positive.size(), scores.size());
  BinaryCounts counts;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const bool taken = scores[i] >= threshold;
    ++(positive[i] ? (taken ? counts.true_positive : counts.false_negative)
                   : (taken ? counts.false_positive : counts.true_negative));
  }
  return counts;
}

}  // namespace xr::statistics
