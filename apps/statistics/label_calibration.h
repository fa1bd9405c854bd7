// Whether the probabilities of several labels can be taken at their word.
#pragma once

#include <cstdint>
#include <vector>

#include "apps/statistics/calibration.h"
#include "apps/statistics/label_metrics.h"

namespace xr::statistics {

/// All known targets as answers to one two-class question: whether the image has the label.
struct KnownAnswers {
  std::vector<double> values;        ///< answers x 2: probability that it has not, that it has
  std::vector<std::int64_t> labels;  ///< 1: it has

  [[nodiscard]] ProbabilityTable table() const { return {2, values, labels}; }
};

/// Image by image, in the order of the labels. A temperature that is fitted to this table divides the logits of all labels:
/// one for all, since a rare label has too few images for one of its own, and networks with one for each class were found
/// to have nearly equal ones that do no better (Guo et al. 2017, section 5, on vector scaling). A probability that was
/// rounded to 1 counts as half a unit of the last digit below.
[[nodiscard]] KnownAnswers known_answers(const LabelTable& table);

}  // namespace xr::statistics
