// The evaluated images of a run as rows of a list: filtered and sorted.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "apps/xrtrain/evaluation/run_predictions.h"

namespace xr::apps::serve {

/// One evaluated image. Its number is its place in the predictions.
struct ImageRow {
  std::size_t number = 0;
  std::string path;              ///< relative to the data folder
  std::string truth, predicted;  ///< a class, or labels: "mass, edema", "no label"
  std::size_t explained = 0;     ///< class or label of largest probability: whose map is shown
  double probability = 0;        ///< of the predicted class, or of the most probable label
  /// 1 - probability of the true class; of labels the largest distance of a probability from its known target.
  double error = 0;
  std::size_t worst = 0;  ///< of labels the one of that distance
  /// From the decision: of two classes and of labels the least distance of a probability from its threshold, of more
  /// classes the distance of the two largest probabilities.
  double margin = 0;
  /// Of an error: the probability of the wrong class; of labels the largest distance from the truth among those on the
  /// wrong side of their threshold.
  double certainty = 0;
  bool known = true;   ///< false: no label of it is known, so that it is neither right nor wrong
  bool wrong = false;  ///< another class, or some label on the wrong side of its threshold
};

/// At which probability a class or label is called: `labels` of each label, `positive` of two classes.
struct DecisionThresholds {
  std::vector<double> labels;
  double positive = 0.5;
};

[[nodiscard]] std::vector<ImageRow> make_rows(const RunPredictions& predictions,
                                              const DecisionThresholds& thresholds);

enum class Show { all, errors, certain_errors, near_threshold };
enum class Sort { probability, error, name };

/// An error is certain from this ImageRow::certainty on.
constexpr double certain_probability = 0.9;
/// Near the threshold: a margin of at most this.
constexpr double near_margin = 0.1;

[[nodiscard]] bool is_shown(const ImageRow& row, Show show);
/// The rows to show, in order: probability and error with the largest first, names ascending, equal ones by number.
[[nodiscard]] std::vector<const ImageRow*> select_rows(const std::vector<ImageRow>& rows, Show show,
                                                       Sort sort);

}  // namespace xr::apps::serve
