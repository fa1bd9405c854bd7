// Metrics of several labels that are independent of each other, where some may be unknown of some images.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "apps/statistics/metric_table.h"

namespace xr::statistics {

/// Probabilities of images: row-major, images x labels; targets likewise: 1 or 0, or NaN where unknown.
struct LabelTable {
  std::size_t labels = 0;
  std::span<const double> values;
  std::span<const float> targets;

  [[nodiscard]] std::size_t images() const { return labels == 0 ? 0 : targets.size() / labels; }
};

/// One label on the images of which it is known: a two-class problem.
struct LabelColumn {
  std::vector<std::size_t> images;
  std::vector<std::uint8_t> positive;
  std::vector<double> scores;

  LabelColumn(const LabelTable& table, std::size_t label);
};

/// Mean over the labels that some known image has and some has not of their AUROC. Undefined without any.
[[nodiscard]] std::optional<double> mean_auroc(const LabelTable& table);

/// Each label in MetricTable::classes: sensitivity, specificity, ppv and npv at its threshold (positive from it on;
/// Wilson), auroc (DeLong), balanced_accuracy, f1, mcc and auprc (bootstrap). In MetricTable::metrics mean_auroc,
/// mean_auprc, mean_sensitivity, mean_specificity, mean_balanced_accuracy and mean_f1 over the labels that some
/// known image has and some has not, brier and nll over all known targets: all by the bootstrap. The confusion
/// matrix stays empty.
///
/// The bootstrap draws images with replacement within each stratum of data::label_strata; of one label that is its
/// class, as make_metric_table draws. `thresholds`: one for each label.
[[nodiscard]] MetricTable make_label_metric_table(const LabelTable& table, std::span<const double> thresholds,
                                                  const BootstrapSettings& settings = {});

/// Whether some known image has the label, and some has not: only then its ranking is measured.
[[nodiscard]] bool is_measured(const ClassMetrics& label);

}  // namespace xr::statistics
