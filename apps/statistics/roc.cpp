#include "apps/statistics/roc.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/common/error.h"

namespace xr::statistics {

std::vector<std::uint8_t> against_rest(std::span<const std::int64_t> labels, std::size_t positive) {
  std::vector<std::uint8_t> result;
  for (const std::int64_t label : labels) result.push_back(static_cast<std::size_t>(label) == positive);
  return result;
}

std::vector<double> column_of(std::span<const double> matrix, std::size_t columns, std::size_t column) {
  std::vector<double> result;
  for (std::size_t i = column; i < matrix.size(); i += columns) result.push_back(matrix[i]);
  return result;
}

Ranking::Ranking(Positive positive, std::span<const double> scores) : order_(scores.size()) {
  XR_CHECK(positive.size() == scores.size(), "{} labels and {} scores: their number must be the same",
           positive.size(), scores.size());
  for (const double score : scores)
    XR_CHECK(!std::isnan(score), "a score is NaN: images cannot be ranked by it");
  std::iota(order_.begin(), order_.end(), 0u);
  std::ranges::stable_sort(order_, [&](std::uint32_t a, std::uint32_t b) { return scores[a] > scores[b]; });
  for (const std::uint32_t image : order_) {
    positive_.push_back(positive[image]);
    scores_.push_back(scores[image]);
  }
}

template <class Tie>
void Ranking::for_each_tie(Times times, Tie&& tie) const {
  for (std::size_t i = 0; i < order_.size();) {
    const double score = scores_[i];
    std::int64_t counts[2] = {0, 0};
    for (; i < order_.size() && scores_[i] == score; ++i)
      counts[positive_[i]] += times.empty() ? 1 : times[order_[i]];
    tie(score, counts[1], counts[0]);
  }
}

std::optional<double> Ranking::auroc(Times times) const {
  std::int64_t above = 0, negatives = 0, twice = 0;  // twice the pairs in the right order
  for_each_tie(times, [&](double, std::int64_t positives, std::int64_t others) {
    twice += others * (2 * above + positives);
    above += positives;
    negatives += others;
  });
  if (above == 0 || negatives == 0) return std::nullopt;
  return static_cast<double>(twice) / (2.0 * static_cast<double>(above) * static_cast<double>(negatives));
}

std::optional<double> Ranking::average_precision(Times times) const {
  std::int64_t found = 0, taken = 0;
  double sum = 0.0;
  for_each_tie(times, [&](double, std::int64_t positives, std::int64_t others) {
    found += positives;
    taken += positives + others;
    if (positives > 0)
      sum += static_cast<double>(positives) * static_cast<double>(found) / static_cast<double>(taken);
  });
  if (found == 0 || found == taken) return std::nullopt;
  return sum / static_cast<double>(found);
}

std::vector<RocPoint> Ranking::curve() const {
  std::vector<RocPoint> points(1);
  points[0].threshold = std::numeric_limits<double>::infinity();
  for_each_tie({}, [&](double threshold, std::int64_t positives, std::int64_t others) {
    points.push_back({threshold,
                      points.back().true_positives + positives,
                      points.back().false_positives + others,
                      {},
                      {}});
  });
  const RocPoint all = points.back();
  for (RocPoint& point : points) {
    if (all.true_positives > 0)
      point.sensitivity = static_cast<double>(point.true_positives) / static_cast<double>(all.true_positives);
    if (all.false_positives > 0)
      point.specificity = static_cast<double>(all.false_positives - point.false_positives) /
                          static_cast<double>(all.false_positives);
  }
  return points;
}

std::optional<double> auroc(Positive positive, std::span<const double> scores) {
  return Ranking(positive, scores).auroc();
}

std::optional<double> average_precision(Positive positive, std::span<const double> scores) {
  return Ranking(positive, scores).average_precision();
}

std::vector<RocPoint> roc_curve(Positive positive, std::span<const double> scores) {
  return Ranking(positive, scores).curve();
}

}  // namespace xr::statistics
