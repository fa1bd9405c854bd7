// What is computed from the predictions of a run's checkpoints: metrics with intervals, thresholds,
// calibration.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/statistics/metric_table.h"
#include "apps/statistics/selection.h"
#include "apps/xrtrain/console.h"
#include "apps/xrtrain/evaluation/checkpoint_results.h"
#include "apps/xrtrain/evaluation/ensemble.h"
#include "apps/xrtrain/evaluation/positive_class.h"
#include "apps/xrtrain/evaluation/predictions.h"
#include "apps/xrtrain/evaluation/selection.h"
#include "apps/xrtrain/evaluation/subgroups.h"

namespace xr::apps {

struct DetailSettings {
  std::string positive;              ///< --positive; empty: see positive_class.h
  double target_sensitivity = 0.95;  ///< of the second threshold
  std::uint64_t seed = 0;            ///< of the bootstrap
  std::optional<SubgroupSource> subgroups;
  std::optional<Selection> selected_before;  ///< by the run for other images, or on the command line
  Averaging averaging = {};
};

/// A threshold of a two-class problem, or of a label, chosen on validation images, of this evaluation or the run's own.
struct OperatingPoint {
  std::string rule;              ///< "youden" or "sensitivity"
  std::optional<double> wanted;  ///< the wanted sensitivity
  std::optional<double> threshold;
  std::optional<statistics::BinaryCounts> validation,
      test;                               ///< at this threshold; nothing without such images
  std::optional<std::size_t> label = {};  ///< of several labels: which one

  /// Whether the whole 95 % interval of the test sensitivity lies below the wanted one; nothing without both.
  [[nodiscard]] std::optional<bool> misses_wanted() const;
  /// Whether sensitivity and specificity on validation add up to 1 or less.
  [[nodiscard]] bool tells_nothing() const;
};

struct CalibrationFigures {
  std::optional<double> brier, ece, nll;
};
/// Temperature scaling, fitted on validation images, of this evaluation or the run's own.
struct TemperatureScaling {
  std::optional<double> temperature;
  CalibrationFigures test_before, test_after;
};

struct CheckpointMetrics {
  std::int64_t epoch = 0;
  std::string split;
  std::optional<statistics::MetricTable> metrics;  ///< nothing if the network gave no numbers
};

/// How long a run was to be trained, and was.
struct TrainingLength {
  std::int64_t epochs_asked = 0, epochs_run = 0;
  std::int64_t patience = 0;  ///< --patience
  bool ended_early = false;   ///< for want of a better validation
};

struct EvaluationDetails {
  data::Task task = data::Task::multi_class;
  std::vector<std::string> class_names;  ///< or labels
  std::size_t positive = 0;
  bool positive_given = false;
  statistics::BootstrapSettings bootstrap;
  std::vector<CheckpointMetrics> checkpoints;
  Selection selected;
  /// Of two-class problems with validation images; of several labels all of the first label, then of the next.
  std::vector<OperatingPoint> thresholds;
  std::optional<TemperatureScaling> temperature;
  std::vector<SubgroupTable> subgroups;  ///< of the chosen checkpoint's test images
  std::vector<std::string> subgroups_left_out;
  std::string subgroup_file;
  std::optional<std::int64_t> test_patients;   ///< where all test images have a known one
  std::vector<std::string> test_fingerprints;  ///< SplitImages::fingerprints
  Averaging averaging;
  std::size_t candidates = 0;  ///< checkpoints that `selection` is about
  statistics::SelectionOptimism selection;
  std::optional<TrainingLength> training;  ///< where the run's history is known

  [[nodiscard]] bool labels() const { return task == data::Task::multi_label; }
  [[nodiscard]] bool two_classes() const { return !labels() && class_names.size() == 2; }
  [[nodiscard]] const statistics::MetricTable* find(std::int64_t epoch, const std::string& split) const;
};

[[nodiscard]] EvaluationDetails make_details(const Predictions& predictions, const Selection& selection,
                                             const DetailSettings& settings);

/// "majority-class baseline (covid): 0.535 (46/86)", with a note where the accuracy is not above it
[[nodiscard]] std::string baseline_text(const EvaluationDetails& details,
                                        const statistics::MetricTable& table);
/// That intervals take the images as independent, and of how many patients the test images are, in a
/// sentence.
[[nodiscard]] std::string independence_text(const EvaluationDetails& details, std::int64_t images);
/// That validation figures are optimistic, in a sentence; empty where nothing was chosen on them.
[[nodiscard]] std::string optimism_text(const EvaluationDetails& details);

/// Of several labels: the chosen checkpoint's metrics of each label and their means, and the labels that could not be
/// measured.
void print_label_metrics(const EvaluationDetails& details, const statistics::MetricTable& table,
                         Console& console);
/// The labels that some known image has and some has not, of how many; the names of the others. In a sentence.
[[nodiscard]] std::string measured_labels_text(const EvaluationDetails& details,
                                               const statistics::MetricTable& table);

/// Prints all figures of the selected checkpoint's test images, as details.
void print_details(const EvaluationDetails& details, Console& console);
/// metrics.json (docs/formats.md)
[[nodiscard]] std::string metrics_json(const EvaluationDetails& details);

}  // namespace xr::apps
