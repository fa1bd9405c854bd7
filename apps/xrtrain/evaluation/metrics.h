// What is counted and computed from predictions.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "apps/statistics/interval.h"

namespace xr::apps {

/// "76 of 86, 0.8837 (95 % interval 0.799-0.936)"
[[nodiscard]] std::string accuracy_text(std::int64_t k, std::int64_t n);

/// Results on the images of one split.
struct Evaluation {
  std::vector<std::int64_t> count;    ///< images of each class
  std::vector<std::int64_t> correct;  ///< of them predicted right
  double loss_sum = 0.0;              ///< of the cross-entropies of all images, unweighted

  [[nodiscard]] std::int64_t images() const;
  [[nodiscard]] std::int64_t hits() const;
  [[nodiscard]] double accuracy() const;
  [[nodiscard]] double loss() const;
  friend bool operator==(const Evaluation&, const Evaluation&) = default;
};

/// More hits, or as many with less loss.
[[nodiscard]] bool better_result(const Evaluation& a, const Evaluation& b);

/// The class with the largest logit of a row; the first of equal ones.
[[nodiscard]] std::size_t predicted_class(std::span<const float> logits);
/// exp(logit) / sum of exp: the probabilities of a row, in double.
[[nodiscard]] std::vector<double> probabilities(std::span<const float> logits);
/// log(sum of exp(logits)) - logits[label].
[[nodiscard]] double cross_entropy_of(std::span<const float> logits, std::size_t label);

}  // namespace xr::apps
