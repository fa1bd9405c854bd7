// What is counted and computed from predictions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apps/statistics/interval.h"
#include "data/loader/loader.h"

namespace xr::apps {

/// "0.884 (76/86, 95% CI 0.799-0.936)", Wilson's interval.
[[nodiscard]] std::string proportion_text(std::int64_t part, std::int64_t whole);
/// "0.910 (95% CI 0.712-0.976)", "0.910" or "-".
[[nodiscard]] std::string estimate_text(const statistics::Estimate& estimate);

/// Results on the images of one split. Of several labels an answer is one known target of an image, and right if
/// its probability lies on the target's side of 0.5.
struct Evaluation {
  std::vector<std::int64_t> count;    ///< images of each class; known targets of each label
  std::vector<std::int64_t> correct;  ///< of them predicted right
  double loss_sum = 0.0;              ///< of the cross-entropies of all answers, unweighted
  /// Of several labels: the mean over those that some image has and some has not.
  std::optional<double> mean_auroc = {};

  /// Answers: of classes one an image.
  [[nodiscard]] std::int64_t images() const;
  [[nodiscard]] std::int64_t hits() const;
  [[nodiscard]] double accuracy() const;
  [[nodiscard]] double loss() const;
  friend bool operator==(const Evaluation&, const Evaluation&) = default;
};

/// ", mean AUROC 0.7812" of several labels; nothing of classes.
[[nodiscard]] std::string mean_auroc_suffix(const Evaluation& evaluation);
/// "0.7812", or "-".
[[nodiscard]] std::string mean_auroc_text(const Evaluation& evaluation);

/// Of several labels a larger mean AUROC: where labels are rare, who denies them all is nearly always right. Of
/// classes more hits. Of equal ones less loss.
[[nodiscard]] bool better_result(const Evaluation& a, const Evaluation& b);

/// How many answers a batch asks for, and how many are right.
struct Answers {
  std::int64_t count = 0, right = 0;
};
/// `logits`: images x outputs.
[[nodiscard]] Answers answers_of(std::span<const float> logits, const data::Truth& truth);

/// The class with the largest logit of a row; the first of equal ones.
[[nodiscard]] std::size_t predicted_class(std::span<const float> logits);
/// exp(logit / temperature) / sum of exp: the probabilities of a row, in double.
[[nodiscard]] std::vector<double> probabilities(std::span<const float> logits, double temperature = 1.0);
/// log(sum of exp(logits)) - logits[label].
[[nodiscard]] double cross_entropy_of(std::span<const float> logits, std::size_t label);
/// 1 / (1 + exp(-logit / temperature)): the probability of a label.
[[nodiscard]] double sigmoid(float logit, double temperature = 1.0);
/// -log of the probability that a label's logit gives a known target.
[[nodiscard]] double binary_cross_entropy_of(float logit, float target);

}  // namespace xr::apps
