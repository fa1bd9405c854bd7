#include "apps/xrtrain/evaluation/metrics.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace xr::apps {

std::string accuracy_text(std::int64_t k, std::int64_t n) {
  const statistics::Interval interval = statistics::wilson_interval(k, n);
  return fmt::format("{} of {}, {:.4f} (95 % interval {:.3f}-{:.3f})", k, n,
                     static_cast<double>(k) / static_cast<double>(std::max<std::int64_t>(1, n)), interval.low,
                     interval.high);
}

std::int64_t Evaluation::images() const {
  return std::accumulate(count.begin(), count.end(), std::int64_t{0});
}

std::int64_t Evaluation::hits() const {
  return std::accumulate(correct.begin(), correct.end(), std::int64_t{0});
}

double Evaluation::accuracy() const {
  return static_cast<double>(hits()) / static_cast<double>(std::max<std::int64_t>(1, images()));
}

double Evaluation::loss() const {
  return loss_sum / static_cast<double>(std::max<std::int64_t>(1, images()));
}

bool better_result(const Evaluation& a, const Evaluation& b) {
  return a.hits() != b.hits() ? a.hits() > b.hits() : a.loss() < b.loss();
}

std::size_t predicted_class(std::span<const float> logits) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < logits.size(); ++i)
    if (logits[i] > logits[best]) best = i;
  return best;
}

std::vector<double> probabilities(std::span<const float> logits) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  std::vector<double> result;
  for (const float logit : logits) result.push_back(std::exp(logit - largest));
  const double sum = std::accumulate(result.begin(), result.end(), 0.0);
  for (double& value : result) value /= sum;
  return result;
}

double cross_entropy_of(std::span<const float> logits, std::size_t label) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0.0;
  for (const float logit : logits) sum += std::exp(logit - largest);
  return largest + std::log(sum) - logits[label];
}

}  // namespace xr::apps
