#include "apps/statistics/label_ranking.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/common/error.h"

namespace xr::statistics {

namespace {

std::int64_t weight_of(std::span<const std::uint32_t> images, Times times) {
  if (times.empty()) return static_cast<std::int64_t>(images.size());
  std::int64_t sum = 0;
  for (const std::uint32_t image : images) sum += times[image];
  return sum;
}

}  // namespace

LabelRanking::LabelRanking(std::span<const std::size_t> images, std::span<const std::uint8_t> positive,
                           std::span<const double> scores, double threshold) {
  XR_CHECK(positive.size() == scores.size() && images.size() == scores.size(),
           "{} labels and {} scores: their number must be the same", positive.size(), scores.size());
  for (const double score : scores)
    XR_CHECK(!std::isnan(score), "a score is NaN: images cannot be ranked by it");
  std::vector<std::uint32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0u);
  // By falling score, of equal ones those without the label first.
  std::ranges::stable_sort(order, [&](std::uint32_t a, std::uint32_t b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : positive[a] < positive[b];
  });
  bool extends = false;  // the last segment: without positives, and on this side of the threshold
  for (std::size_t i = 0; i < order.size();) {
    const double score = scores[order[i]];
    Segment tie;
    for (; i < order.size() && scores[order[i]] == score && positive[order[i]] == 0; ++i) {
    }
    tie.others_end = static_cast<std::uint32_t>(i);
    for (; i < order.size() && scores[order[i]] == score; ++i) {
    }
    tie.end = static_cast<std::uint32_t>(i);
    const bool called = score >= threshold, others_only = tie.others_end == tie.end;
    if (called != (called_ == segments_.size())) extends = false;
    if (extends && others_only)
      segments_.back() = tie;
    else
      segments_.push_back(tie);
    if (called) called_ = segments_.size();
    extends = others_only;
  }
  for (const std::uint32_t place : order) images_.push_back(static_cast<std::uint32_t>(images[place]));
}

RankedLabel LabelRanking::measure(Times times) const {
  RankedLabel result;
  std::int64_t above = 0, negatives = 0, twice = 0;  // twice the pairs in the right order
  double precision = 0.0;
  std::size_t begin = 0;
  const std::span<const std::uint32_t> images = images_;
  for (std::size_t s = 0; s < segments_.size(); ++s) {
    if (s == called_) {
      result.counts.true_positive = above;
      result.counts.false_positive = negatives;
    }
    const Segment& segment = segments_[s];
    const std::int64_t others = weight_of(images.subspan(begin, segment.others_end - begin), times);
    const std::int64_t positives =
        weight_of(images.subspan(segment.others_end, segment.end - segment.others_end), times);
    begin = segment.end;
    twice += others * (2 * above + positives);
    above += positives;
    negatives += others;
    if (positives > 0)
      precision += static_cast<double>(positives) * static_cast<double>(above) /
                   static_cast<double>(above + negatives);
  }
  if (called_ == segments_.size()) {
    result.counts.true_positive = above;
    result.counts.false_positive = negatives;
  }
  result.counts.false_negative = above - result.counts.true_positive;
  result.counts.true_negative = negatives - result.counts.false_positive;
  if (above == 0 || negatives == 0) return result;
  result.auroc =
      static_cast<double>(twice) / (2.0 * static_cast<double>(above) * static_cast<double>(negatives));
  result.average_precision = precision / static_cast<double>(above);
  return result;
}

}  // namespace xr::statistics
