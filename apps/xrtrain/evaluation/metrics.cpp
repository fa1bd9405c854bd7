#include "apps/xrtrain/evaluation/metrics.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace xr::apps {

std::string proportion_text(std::int64_t part, std::int64_t whole) {
  const statistics::Estimate estimate = statistics::proportion(part, whole);
  if (!estimate.value || !estimate.interval) return fmt::format("- ({}/{})", part, whole);
  return fmt::format("{:.3f} ({}/{}, 95% CI {:.3f}-{:.3f})", *estimate.value, part, whole,
                     estimate.interval->low, estimate.interval->high);
}

std::string estimate_text(const statistics::Estimate& estimate) {
  if (!estimate.value) return "-";
  if (!estimate.interval) return fmt::format("{:.3f}", *estimate.value);
  return fmt::format("{:.3f} (95% CI {:.3f}-{:.3f})", *estimate.value, estimate.interval->low,
                     estimate.interval->high);
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

std::string mean_auroc_text(const Evaluation& evaluation) {
  return evaluation.mean_auroc ? fmt::format("{:.4f}", *evaluation.mean_auroc) : "-";
}

std::string mean_auroc_suffix(const Evaluation& evaluation) {
  return evaluation.mean_auroc ? ", mean AUROC " + mean_auroc_text(evaluation) : "";
}

bool better_result(const Evaluation& a, const Evaluation& b) {
  if (a.mean_auroc || b.mean_auroc) {
    const double area_a = a.mean_auroc.value_or(0.0), area_b = b.mean_auroc.value_or(0.0);
    return area_a != area_b ? area_a > area_b : a.loss() < b.loss();
  }
  return a.hits() != b.hits() ? a.hits() > b.hits() : a.loss() < b.loss();
}

Answers answers_of(std::span<const float> logits, const data::Truth& truth) {
  Answers answers;
  if (truth.targets.empty()) {
    const std::size_t classes = logits.size() / truth.images();
    answers.count = static_cast<std::int64_t>(truth.images());
    for (std::size_t i = 0; i < truth.images(); ++i)
      if (static_cast<std::int64_t>(predicted_class(logits.subspan(i * classes, classes))) ==
          truth.classes[i])
        ++answers.right;
    return answers;
  }
  for (std::size_t i = 0; i < truth.targets.size(); ++i) {
    if (!data::is_known(truth.targets[i])) continue;
    ++answers.count;
    if ((logits[i] >= 0.0f) == (truth.targets[i] >= 0.5f)) ++answers.right;
  }
  return answers;
}

std::size_t predicted_class(std::span<const float> logits) {
  std::size_t best = 0;
  for (std::size_t i = 1; i < logits.size(); ++i)
    if (logits[i] > logits[best]) best = i;
  return best;
}

std::vector<double> probabilities(std::span<const float> logits, double temperature) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  std::vector<double> result;
  for (const float logit : logits) result.push_back(std::exp((logit - largest) / temperature));
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

double sigmoid(float logit, double temperature) {
  return 1.0 / (1.0 + std::exp(-static_cast<double>(logit) / temperature));
}

double binary_cross_entropy_of(float logit, float target) {
  const double x = logit;
  return std::max(x, 0.0) - x * target + std::log1p(std::exp(-std::abs(x)));
}

}  // namespace xr::apps
