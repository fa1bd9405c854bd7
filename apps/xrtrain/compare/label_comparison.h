// Two runs of several labels on the same images.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/statistics/delong.h"
#include "apps/xrtrain/compare/comparison.h"
#include "apps/xrtrain/compare/paired_images.h"

namespace xr::apps {

/// One label, on the images of which both runs know it.
struct ComparedLabel {
  std::int64_t images = 0, positives = 0;
  statistics::DeLongTest delong;
  std::optional<double> p_holm;  ///< adjusted for all labels that have a test (holm_adjusted)
};

struct LabelComparison {
  std::vector<std::string> names;
  PairedImages paired;
  std::int64_t known_in_one = 0;  ///< labels of images that only one run knows, left out
  std::vector<ComparedLabel> labels;
  /// Means of the AUROCs over the labels that some known image has and some has not, and A - B with the 95 % interval of a
  /// bootstrap in which both see the same images, drawn within data::label_strata.
  std::optional<double> mean_a, mean_b, difference;
  std::optional<statistics::Interval> interval;
};

/// Throws DataError as pair_images.
[[nodiscard]] LabelComparison compare_labels(const RunPredictions& a, const RunPredictions& b);

[[nodiscard]] std::vector<std::string> label_comparison_text(const LabelComparison& comparison,
                                                             const std::string& name_a,
                                                             const std::string& name_b);
[[nodiscard]] std::string label_comparison_json(const LabelComparison& comparison, const ComparedRun& a,
                                                const ComparedRun& b);

}  // namespace xr::apps
