#include "apps/statistics/confusion.h"

#include <cmath>
#include <numeric>

#include "kernels/common/error.h"

namespace xr::statistics {

namespace {

std::optional<double> ratio(std::int64_t part, std::int64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

std::optional<double> BinaryCounts::accuracy() const {
  return ratio(true_positive + true_negative, total());
}
std::optional<double> BinaryCounts::sensitivity() const {
  return ratio(true_positive, positives());
}
std::optional<double> BinaryCounts::specificity() const {
  return ratio(true_negative, negatives());
}
std::optional<double> BinaryCounts::ppv() const {
  return ratio(true_positive, predicted_positives());
}
std::optional<double> BinaryCounts::npv() const {
  return ratio(true_negative, predicted_negatives());
}
std::optional<double> BinaryCounts::balanced_accuracy() const {
  if (positives() == 0 || negatives() == 0) return std::nullopt;
  return (*sensitivity() + *specificity()) / 2;
}
std::optional<double> BinaryCounts::f1() const {
  return ratio(2 * true_positive, 2 * true_positive + false_positive + false_negative);
}
std::optional<double> BinaryCounts::mcc() const {
  // Square roots first: the product of four counts of millions would still fit a double, but not exactly.
  const double scale = std::sqrt(static_cast<double>(positives())) *
                       std::sqrt(static_cast<double>(negatives())) *
                       std::sqrt(static_cast<double>(predicted_positives())) *
                       std::sqrt(static_cast<double>(predicted_negatives()));
  if (scale == 0.0) return std::nullopt;
  return (static_cast<double>(true_positive) * static_cast<double>(true_negative) -
          static_cast<double>(false_positive) * static_cast<double>(false_negative)) /
         scale;
}

ConfusionMatrix::ConfusionMatrix(std::size_t classes, std::span<const std::int64_t> labels,
                                 std::span<const std::int64_t> predictions, Times times)
    : ConfusionMatrix(classes) {
  XR_CHECK(labels.size() == predictions.size(), "{} labels and {} predictions: their number must be the same",
           labels.size(), predictions.size());
  for (std::size_t i = 0; i < labels.size(); ++i)
    counts_[static_cast<std::size_t>(labels[i]) * classes_ + static_cast<std::size_t>(predictions[i])] +=
        times.empty() ? 1 : times[i];
}

std::int64_t ConfusionMatrix::total() const {
  return std::accumulate(counts_.begin(), counts_.end(), std::int64_t{0});
}

std::int64_t ConfusionMatrix::correct() const {
  std::int64_t sum = 0;
  for (std::size_t c = 0; c < classes_; ++c) sum += at(c, c);
  return sum;
}

BinaryCounts ConfusionMatrix::against_rest(std::size_t positive) const {
  BinaryCounts counts;
  for (std::size_t label = 0; label < classes_; ++label)
    for (std::size_t predicted = 0; predicted < classes_; ++predicted) {
      const bool is = label == positive, taken = predicted == positive;
      std::int64_t& count = is ? (taken ? counts.true_positive : counts.false_negative)
                               : (taken ? counts.false_positive : counts.true_negative);
      count += at(label, predicted);
    }
  return counts;
}

std::optional<double> ConfusionMatrix::accuracy() const {
  return ratio(correct(), total());
}

std::optional<double> ConfusionMatrix::balanced_accuracy() const {
  return macro(&BinaryCounts::sensitivity);
}

std::optional<double> ConfusionMatrix::mcc() const {
  if (classes_ == 2) return against_rest(1).mcc();
  const auto all = static_cast<double>(total());
  double product = 0.0, labels = 0.0, predictions = 0.0;  // sums over classes: t p, t^2, p^2
  for (std::size_t c = 0; c < classes_; ++c) {
    const BinaryCounts counts = against_rest(c);
    const auto t = static_cast<double>(counts.positives());
    const auto p = static_cast<double>(counts.predicted_positives());
    product += t * p;
    labels += t * t;
    predictions += p * p;
  }
  const double scale = std::sqrt(all * all - labels) * std::sqrt(all * all - predictions);
  if (!(scale > 0.0)) return std::nullopt;
  return (static_cast<double>(correct()) * all - product) / scale;
}

std::optional<double> ConfusionMatrix::macro(std::optional<double> (BinaryCounts::*rate)() const) const {
  if (classes_ == 0) return std::nullopt;
  double sum = 0.0;
  for (std::size_t c = 0; c < classes_; ++c) {
    const BinaryCounts counts = against_rest(c);
    const std::optional<double> value = (counts.*rate)();
    if (!value) return std::nullopt;
    sum += *value;
  }
  return sum / static_cast<double>(classes_);
}

}  // namespace xr::statistics
