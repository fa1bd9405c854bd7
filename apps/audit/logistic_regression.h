// A classifier so simple that what it finds lies open in its input.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace xr::audit {

/// n rows of as many features, row after row.
struct FeatureTable {
  std::size_t features = 0;
  std::vector<float> values;

  [[nodiscard]] std::size_t count() const { return features == 0 ? 0 : values.size() / features; }
  [[nodiscard]] std::span<const float> row(std::size_t i) const {
    return std::span(values).subspan(i * features, features);
  }
};

/// Logistic regression on standardised features: minimises the mean log loss + penalty / 2 |weights|^2 by
/// L-BFGS (Nocedal 1980) with a backtracking line search. The intercept is not penalised.
class LogisticRegression {
 public:
  /// Learns from the given rows; positive[i] belongs to row i of the whole table.
  LogisticRegression(const FeatureTable& table, std::span<const std::uint8_t> positive,
                     std::span<const std::size_t> rows, double penalty);

  /// Log odds of the positive class, less their mean over the training rows: without the intercept. Features
  /// that are constant there add nothing.
  [[nodiscard]] double score(std::span<const float> features) const;
  /// Whether the log odds are above 0.
  [[nodiscard]] bool call(std::span<const float> features) const;
  /// For tests: weights of the standardised features, then the intercept.
  [[nodiscard]] const std::vector<double>& weights() const { return weights_; }

 private:
  std::vector<float> mean_, scale_;
  std::vector<double> weights_;
};

/// Which of `folds` parts each image is left out in: images of one group in the same, classes evenly spread.
/// A function of the arguments (Philox, RandomPurpose::split).
[[nodiscard]] std::vector<int> make_folds(std::span<const std::int64_t> labels,
                                          std::span<const std::size_t> groups, int folds, std::uint64_t seed);

/// What a classifier that learned from the other folds says of each image.
struct CrossValidated {
  /// LogisticRegression::score, which can be compared between folds. Their intercepts cannot: the fewer
  /// images of a class are left out, the more are learned from, so the intercept runs against the truth, and
  /// even a classifier that sees nothing would seem to rank the images, wrongly.
  std::vector<double> scores;
  std::vector<std::uint8_t> called;  ///< 1 where the classifier calls it positive
};
[[nodiscard]] CrossValidated cross_validate(const FeatureTable& table, std::span<const std::uint8_t> positive,
                                            std::span<const int> fold_of, int folds, double penalty,
                                            int workers);

}  // namespace xr::audit
