#include "apps/audit/logistic_regression.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <numeric>

#include "data/loader/jobs.h"
#include "kernels/common/random.h"

namespace xr::audit {

namespace {

using Vector = std::vector<double>;

constexpr int max_iterations = 200, memory = 8, max_halvings = 30;

double dot(const Vector& a, const Vector& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

/// The standardised training rows, and the loss on them.
class Problem {
 public:
  Problem(std::vector<float> values, std::vector<std::uint8_t> positive, std::size_t features, double penalty)
      : values_(std::move(values)), positive_(std::move(positive)), features_(features), penalty_(penalty) {}

  /// The objective and its gradient; the intercept is the last of `weights`.
  double evaluate(const Vector& weights, Vector& gradient) const {
    std::fill(gradient.begin(), gradient.end(), 0.0);
    const std::vector<float> rounded(weights.begin(), weights.end());
    std::vector<float> sum(features_);
    double loss = 0;
    for (std::size_t i = 0; i < positive_.size(); ++i) {
      const float* row = &values_[i * features_];
      const double z = product(row, rounded.data()) + weights[features_];
      const double sign = positive_[i] != 0 ? 1.0 : -1.0, margin = sign * z;
      loss += margin > 0 ? std::log1p(std::exp(-margin)) : -margin + std::log1p(std::exp(margin));
      const double slope = -sign / (1 + std::exp(margin));
      const auto factor = static_cast<float>(slope);
      for (std::size_t k = 0; k < features_; ++k) sum[k] += factor * row[k];
      gradient[features_] += slope;
    }
    const auto count = static_cast<double>(positive_.size());
    double square = 0;
    for (std::size_t k = 0; k < features_; ++k) {
      gradient[k] = sum[k] / count + penalty_ * weights[k];
      square += weights[k] * weights[k];
    }
    gradient[features_] /= count;
    return loss / count + 0.5 * penalty_ * square;
  }

 private:
  double product(const float* row, const float* weights) const {
    float lane[8] = {};  // independent sums, so that the compiler may use vectors
    std::size_t k = 0;
    for (; k + 8 <= features_; k += 8)
      for (std::size_t j = 0; j < 8; ++j) lane[j] += row[k + j] * weights[k + j];
    double total = 0;
    for (const float value : lane) total += value;
    for (; k < features_; ++k) total += row[k] * weights[k];
    return total;
  }

  std::vector<float> values_;
  std::vector<std::uint8_t> positive_;
  std::size_t features_;
  double penalty_;
};

struct Correction {
  Vector step, change;  ///< of the weights, of the gradient
};

/// The direction of L-BFGS: the two-loop recursion.
Vector direction(const Vector& gradient, const std::deque<Correction>& corrections) {
  Vector result = gradient;
  std::vector<double> kept;
  for (std::size_t i = corrections.size(); i-- > 0;) {
    const Correction& correction = corrections[i];
    kept.push_back(dot(correction.step, result) / dot(correction.step, correction.change));
    for (std::size_t k = 0; k < result.size(); ++k) result[k] -= kept.back() * correction.change[k];
  }
  if (!corrections.empty()) {
    const Correction& last = corrections.back();
    const double scale = dot(last.step, last.change) / dot(last.change, last.change);
    for (double& value : result) value *= scale;
  }
  for (const Correction& correction : corrections) {
    const double factor =
        kept.back() - dot(correction.change, result) / dot(correction.step, correction.change);
    kept.pop_back();
    for (std::size_t k = 0; k < result.size(); ++k) result[k] += factor * correction.step[k];
  }
  for (double& value : result) value = -value;
  return result;
}

Vector minimise(const Problem& problem, std::size_t unknowns) {
  Vector weights(unknowns), gradient(unknowns);
  double value = problem.evaluate(weights, gradient);
  std::deque<Correction> corrections;
  for (int iteration = 0; iteration < max_iterations && dot(gradient, gradient) > 1e-9; ++iteration) {
    Vector move = direction(gradient, corrections);
    double slope = dot(move, gradient);
    if (!(slope < 0)) break;
    double length = corrections.empty() ? std::min(1.0, 1.0 / std::sqrt(dot(gradient, gradient))) : 1.0;
    Vector next(unknowns), next_gradient(unknowns);
    double next_value = value;
    int halvings = 0;
    for (;; length *= 0.5, ++halvings) {
      for (std::size_t k = 0; k < unknowns; ++k) next[k] = weights[k] + length * move[k];
      next_value = problem.evaluate(next, next_gradient);
      if (next_value <= value + 1e-4 * length * slope || halvings == max_halvings) break;
    }
    if (halvings == max_halvings) break;  // as low as rounding lets it
    Correction correction{Vector(unknowns), Vector(unknowns)};
    for (std::size_t k = 0; k < unknowns; ++k) {
      correction.step[k] = next[k] - weights[k];
      correction.change[k] = next_gradient[k] - gradient[k];
    }
    const bool settled = value - next_value < 1e-7 * value;
    if (dot(correction.step, correction.change) > 0) corrections.push_back(std::move(correction));
    if (corrections.size() > memory) corrections.pop_front();
    weights = std::move(next);
    gradient = std::move(next_gradient);
    value = next_value;
    if (settled) break;
  }
  return weights;
}

}  // namespace

LogisticRegression::LogisticRegression(const FeatureTable& table, std::span<const std::uint8_t> positive,
                                       std::span<const std::size_t> rows, double penalty)
    : mean_(table.features), scale_(table.features) {
  std::vector<double> sum(table.features), squares(table.features);
  for (const std::size_t i : rows)
    for (std::size_t k = 0; k < table.features; ++k) {
      const double value = table.row(i)[k];
      sum[k] += value;
      squares[k] += value * value;
    }
  const auto count = static_cast<double>(rows.size());
  for (std::size_t k = 0; k < table.features; ++k) {
    const double mean = sum[k] / count, variance = squares[k] / count - mean * mean;
    mean_[k] = static_cast<float>(mean);
    // What is constant says nothing.
    scale_[k] = variance > 1e-10 * (1 + mean * mean) ? static_cast<float>(1 / std::sqrt(variance)) : 0.0f;
  }
  std::vector<float> values;
  std::vector<std::uint8_t> targets;
  values.reserve(rows.size() * table.features);
  for (const std::size_t i : rows) {
    for (std::size_t k = 0; k < table.features; ++k)
      values.push_back((table.row(i)[k] - mean_[k]) * scale_[k]);
    targets.push_back(positive[i]);
  }
  weights_ =
      minimise(Problem(std::move(values), std::move(targets), table.features, penalty), table.features + 1);
}

double LogisticRegression::score(std::span<const float> features) const {
  double z = 0.0;
  for (std::size_t k = 0; k < features.size(); ++k) z += weights_[k] * ((features[k] - mean_[k]) * scale_[k]);
  return z;
}

bool LogisticRegression::call(std::span<const float> features) const {
  return score(features) + weights_.back() > 0;
}

std::vector<int> make_folds(std::span<const std::int64_t> labels, std::span<const std::size_t> groups,
                            int folds, std::uint64_t seed) {
  std::map<std::size_t, std::vector<std::size_t>> members;
  for (std::size_t i = 0; i < groups.size(); ++i) members[groups[i]].push_back(i);
  std::vector<const std::vector<std::size_t>*> order;
  for (const auto& [group, images] : members) order.push_back(&images);
  constexpr std::uint64_t sub_stream = 100;  // apart from test and validation images
  Philox random(seed, stream_of(RandomPurpose::split, sub_stream));
  for (std::size_t i = order.size(); i > 1; --i)
    std::swap(order[i - 1], order[random.below(static_cast<std::uint32_t>(i))]);
  std::stable_sort(order.begin(), order.end(),
                   [](const auto* a, const auto* b) { return a->size() > b->size(); });
  std::map<std::int64_t, std::vector<std::size_t>> count;  // of each class in each fold
  std::vector<std::size_t> in_fold(static_cast<std::size_t>(folds));
  std::vector<int> fold_of(labels.size());
  for (const std::vector<std::size_t>* group : order) {
    std::vector<std::size_t>& of_class = count[labels[group->front()]];
    of_class.resize(static_cast<std::size_t>(folds));
    int best = 0;
    for (int f = 1; f < folds; ++f)
      if (std::pair(of_class[f], in_fold[f]) < std::pair(of_class[best], in_fold[best])) best = f;
    for (const std::size_t i : *group) {
      fold_of[i] = best;
      std::vector<std::size_t>& counts = count[labels[i]];
      counts.resize(static_cast<std::size_t>(folds));
      ++counts[best];
      ++in_fold[best];
    }
  }
  return fold_of;
}

CrossValidated cross_validate(const FeatureTable& table, std::span<const std::uint8_t> positive,
                              std::span<const int> fold_of, int folds, double penalty, int workers) {
  CrossValidated result{std::vector<double>(table.count()), std::vector<std::uint8_t>(table.count())};
  data::run_jobs(static_cast<std::size_t>(folds), workers, {}, [&](std::size_t fold) {
    std::vector<std::size_t> rows;
    for (std::size_t i = 0; i < table.count(); ++i)
      if (fold_of[i] != static_cast<int>(fold)) rows.push_back(i);
    if (rows.size() == table.count() || rows.empty()) return;
    const LogisticRegression classifier(table, positive, rows, penalty);
    for (std::size_t i = 0; i < table.count(); ++i) {
      if (fold_of[i] != static_cast<int>(fold)) continue;
      result.scores[i] = classifier.score(table.row(i));
      result.called[i] = classifier.call(table.row(i)) ? 1 : 0;
    }
  });
  return result;
}

}  // namespace xr::audit
