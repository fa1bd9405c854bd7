#include "apps/xrtrain/statistics/threshold.h"

#include "kernels/error.h"

namespace xr::apps {

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
  return curve[best].threshold;
}

std::optional<double> sensitivity_threshold(Positive positive, std::span<const double> scores,
                                            double sensitivity) {
  XR_CHECK(sensitivity > 0.0 && sensitivity <= 1.0,
           "the wanted sensitivity is {}: use one above 0 and at most 1", sensitivity);
  const std::vector<RocPoint> curve = roc_curve(positive, scores);
  if (curve.back().true_positives == 0 || curve.back().false_positives == 0) return std::nullopt;
  for (std::size_t i = 1; i < curve.size(); ++i)
    if (*curve[i].sensitivity >= sensitivity) return curve[i].threshold;
  return curve.back().threshold;
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

}  // namespace xr::apps
