#include "apps/statistics/delong.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "kernels/common/error.h"

namespace xr::statistics {

namespace {

/// Ranks from 1, equal values share the mean of their ranks.
std::vector<double> midranks(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t last = first;
    while (last + 1 < order.size() && values[order[last + 1]] == values[order[first]]) ++last;
    for (std::size_t i = first; i <= last; ++i)
      ranks[order[i]] = 1.0 + 0.5 * static_cast<double>(first + last);
    first = last + 1;
  }
  return ranks;
}

/// The placement of each image: for a positive one the part of negatives below it, for a negative one the
/// part of positives above it.
struct Placements {
  std::vector<double> of_positives, of_negatives;
  std::optional<double> auroc;
};

Placements placements(Positive positive, std::span<const double> scores) {
  XR_CHECK(positive.size() == scores.size(), "{} labels and {} scores: their number must be the same",
           positive.size(), scores.size());
  for (const double score : scores)
    XR_CHECK(!std::isnan(score), "a score is NaN: images cannot be ranked by it");
  std::vector<double> positives, negatives, all;
  for (std::size_t i = 0; i < scores.size(); ++i) (positive[i] ? positives : negatives).push_back(scores[i]);
  all = positives;
  all.insert(all.end(), negatives.begin(), negatives.end());
  Placements result;
  if (positives.empty() || negatives.empty()) return result;
  const std::vector<double> ranks = midranks(all), of_positives = midranks(positives),
                            of_negatives = midranks(negatives);
  const auto m = static_cast<double>(positives.size()), n = static_cast<double>(negatives.size());
  for (std::size_t i = 0; i < positives.size(); ++i)
    result.of_positives.push_back((ranks[i] - of_positives[i]) / n);
  for (std::size_t i = 0; i < negatives.size(); ++i)
    result.of_negatives.push_back(1.0 - (ranks[positives.size() + i] - of_negatives[i]) / m);
  result.auroc = std::accumulate(result.of_positives.begin(), result.of_positives.end(), 0.0) / m;
  return result;
}

/// Sample variance over the number of values.
std::optional<double> variance_of_mean(const std::vector<double>& values) {
  if (values.size() < 2) return std::nullopt;
  const auto n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double sum = 0.0;
  for (const double value : values) sum += (value - mean) * (value - mean);
  return sum / (n - 1) / n;
}

std::optional<double> variance_of(const std::vector<double>& positives,
                                  const std::vector<double>& negatives) {
  const std::optional<double> a = variance_of_mean(positives), b = variance_of_mean(negatives);
  if (!a || !b) return std::nullopt;
  const double sum = *a + *b;
  // What is left of rounding where all placements are equal is no variance.
  return sum < 1e-24 ? 0.0 : sum;
}

/// What the images of a cluster have together: numbers, and sums of the placements' distances from the area.
struct Cluster {
  double positives = 0.0, negatives = 0.0, of_positives = 0.0, of_negatives = 0.0;
};

std::vector<Cluster> sum_by_cluster(Positive positive, const Placements& parts,
                                    std::span<const std::size_t> clusters) {
  XR_CHECK(positive.size() == clusters.size(), "{} labels and {} clusters: their number must be the same",
           positive.size(), clusters.size());
  std::map<std::size_t, Cluster> sums;
  std::size_t next_positive = 0, next_negative = 0;
  for (std::size_t i = 0; i < positive.size(); ++i) {
    Cluster& cluster = sums[clusters[i]];
    if (positive[i]) {
      cluster.positives += 1;
      cluster.of_positives += parts.of_positives[next_positive++] - *parts.auroc;
    } else {
      cluster.negatives += 1;
      cluster.of_negatives += parts.of_negatives[next_negative++] - *parts.auroc;
    }
  }
  std::vector<Cluster> result;
  for (const auto& [number, cluster] : sums) result.push_back(cluster);
  return result;
}

std::optional<double> clustered_variance(const std::vector<Cluster>& clusters) {
  double positives = 0, negatives = 0, with_positives = 0, with_negatives = 0;
  double of_positives = 0, of_negatives = 0, of_both = 0;
  for (const Cluster& cluster : clusters) {
    positives += cluster.positives;
    negatives += cluster.negatives;
    if (cluster.positives > 0) with_positives += 1;
    if (cluster.negatives > 0) with_negatives += 1;
    of_positives += cluster.of_positives * cluster.of_positives;
    of_negatives += cluster.of_negatives * cluster.of_negatives;
    of_both += cluster.of_positives * cluster.of_negatives;
  }
  if (with_positives < 2 || with_negatives < 2) return std::nullopt;
  const auto count = static_cast<double>(clusters.size());
  const double sum = with_positives / (with_positives - 1) * of_positives / (positives * positives) +
                     with_negatives / (with_negatives - 1) * of_negatives / (negatives * negatives) +
                     2 * count / (count - 1) * of_both / (positives * negatives);
  return sum < 1e-24 ? 0.0 : sum;
}

std::vector<double> minus(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> result(a.size());
  std::ranges::transform(a, b, result.begin(), std::minus<>());
  return result;
}

}  // namespace

DeLong delong(Positive positive, std::span<const double> scores) {
  const Placements parts = placements(positive, scores);
  DeLong result;
  if (!parts.auroc) return result;
  result.auroc = parts.auroc;
  result.variance = variance_of(parts.of_positives, parts.of_negatives);
  result.interval = area_interval(*result.auroc, result.variance);
  return result;
}

DeLong clustered_delong(Positive positive, std::span<const double> scores,
                        std::span<const std::size_t> clusters) {
  const Placements parts = placements(positive, scores);
  DeLong result;
  if (!parts.auroc) return result;
  result.auroc = parts.auroc;
  result.variance = clustered_variance(sum_by_cluster(positive, parts, clusters));
  result.interval = area_interval(*result.auroc, result.variance);
  return result;
}

std::optional<Interval> area_interval(double area, std::optional<double> variance) {
  if (!variance || *variance <= 0.0 || area <= 0.0 || area >= 1.0) return std::nullopt;
  const double centre = std::log(area / (1.0 - area));
  const double half = normal_quantile_975 * std::sqrt(*variance) / (area * (1.0 - area));
  return Interval{1.0 / (1.0 + std::exp(half - centre)), 1.0 / (1.0 + std::exp(-half - centre))};
}

DeLongTest delong_test(Positive positive, std::span<const double> scores_a,
                       std::span<const double> scores_b) {
  const Placements a = placements(positive, scores_a), b = placements(positive, scores_b);
  DeLongTest result;
  if (!a.auroc || !b.auroc) return result;
  result.auroc_a = a.auroc;
  result.auroc_b = b.auroc;
  result.difference = *a.auroc - *b.auroc;
  // var(A - B) = var A + var B - 2 cov(A, B), of the differences of the placements.
  result.variance = variance_of(minus(a.of_positives, b.of_positives), minus(a.of_negatives, b.of_negatives));
  if (!result.variance || *result.variance <= 0.0) return result;
  const double half = normal_quantile_975 * std::sqrt(*result.variance);
  result.interval =
      Interval{std::max(-1.0, *result.difference - half), std::min(1.0, *result.difference + half)};
  result.z = *result.difference / std::sqrt(*result.variance);
  result.p = two_sided_p(*result.z);
  return result;
}

}  // namespace xr::statistics
