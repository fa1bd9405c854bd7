// Two runs on the same images: is one better, or is it chance?
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/statistics/delong.h"
#include "apps/statistics/mcnemar.h"
#include "apps/xrtrain/compare/paired_images.h"
#include "apps/xrtrain/evaluation/run_predictions.h"

namespace xr::apps {

struct Comparison {
  std::vector<std::string> class_names;
  std::size_t positive = 0;
  std::int64_t images = 0;  ///< that both runs were tested on
  PairedImages paired;
  std::int64_t correct_a = 0, correct_b = 0;
  statistics::McNemar mcnemar;
  std::optional<statistics::DeLongTest> delong;  ///< of two classes
  // Of the tests that there are, both judged together (holm_adjusted).
  double p_accuracy = 1.0;
  std::optional<double> p_auroc;  ///< nothing where DeLong's test has no p
};

/// Of runs of classes; those of several labels: label_comparison.h. Throws DataError as pair_images.
[[nodiscard]] Comparison compare(const RunPredictions& a, const RunPredictions& b);

[[nodiscard]] std::vector<std::string> comparison_text(const Comparison& comparison,
                                                       const std::string& name_a, const std::string& name_b);
/// A run in the JSON object.
struct ComparedRun {
  std::string run;
  Selection selection;
};
[[nodiscard]] std::string comparison_json(const Comparison& comparison, const ComparedRun& a,
                                          const ComparedRun& b);

}  // namespace xr::apps
