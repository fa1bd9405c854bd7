#include "apps/xrtrain/evaluation/evaluation_details.h"

#include <fmt/format.h>
#include <algorithm>
#include <functional>
#include <set>

#include "apps/statistics/label_calibration.h"
#include "apps/statistics/label_selection.h"
#include "apps/statistics/threshold.h"
#include "apps/text/text.h"
#include "apps/xrtrain/evaluation/positive_class.h"

namespace xr::apps {

namespace {

/// Positive flags and scores of a two-class problem, or of one of several labels where it is known.
struct Scored {
  Scored(const SplitPredictions& predictions, std::size_t positive) {
    if (predictions.images->targets.empty()) {
      flags = statistics::against_rest(predictions.images->labels, positive);
      scores = statistics::column_of(predictions.probabilities, 2, positive);
      return;
    }
    statistics::LabelColumn column(predictions.label_table(), positive);
    flags = std::move(column.positive);
    scores = std::move(column.scores);
  }
  std::vector<std::uint8_t> flags;
  std::vector<double> scores;
};

std::vector<OperatingPoint> choose_thresholds(const SplitPredictions& validation,
                                              const SplitPredictions* test, std::size_t positive,
                                              double sensitivity) {
  const Scored chosen_on(validation, positive);
  std::vector<OperatingPoint> points(2);
  points[0].rule = "youden";
  points[0].threshold = statistics::youden_threshold(chosen_on.flags, chosen_on.scores);
  points[1].rule = "sensitivity";
  points[1].wanted = sensitivity;
  points[1].threshold = statistics::sensitivity_threshold(chosen_on.flags, chosen_on.scores, sensitivity);
  for (OperatingPoint& point : points) {
    if (!point.threshold) continue;
    point.validation = statistics::counts_at(chosen_on.flags, chosen_on.scores, *point.threshold);
    if (test == nullptr) continue;
    const Scored used_on(*test, positive);
    point.test = statistics::counts_at(used_on.flags, used_on.scores, *point.threshold);
  }
  return points;
}

/// The run's thresholds on images of another folder. `label`: of several labels, the name of `positive`.
std::vector<OperatingPoint> apply_thresholds(const Selection& selection, const SplitPredictions& test,
                                             std::size_t positive, const std::string& label = {}) {
  const Scored used_on(test, positive);
  std::vector<OperatingPoint> points;
  for (const Selection::Threshold& chosen : selection.thresholds)
    if (chosen.label == label)
      points.push_back({chosen.rule,
                        chosen.wanted,
                        chosen.threshold,
                        {},
                        statistics::counts_at(used_on.flags, used_on.scores, chosen.threshold)});
  return points;
}

/// Those of each label, one label after another.
std::vector<OperatingPoint> label_points(
    std::size_t labels, const std::function<std::vector<OperatingPoint>(std::size_t)>& of_label) {
  std::vector<OperatingPoint> points;
  for (std::size_t l = 0; l < labels; ++l)
    for (OperatingPoint& point : of_label(l)) {
      point.label = l;
      points.push_back(std::move(point));
    }
  return points;
}

/// The thresholds at which a checkpoint's labels are called: Youden's on its validation images, those of the run for
/// images of another folder, 0.5 where there is neither.
std::vector<double> label_thresholds(const Predictions& predictions, const Selection& selection,
                                     std::int64_t epoch) {
  std::vector<double> thresholds(predictions.class_names.size(), 0.5);
  const SplitPredictions* validation = predictions.find(epoch, "validation");
  for (std::size_t l = 0; l < thresholds.size(); ++l) {
    if (validation != nullptr && validation->finite()) {
      const Scored chosen_on(*validation, l);
      thresholds[l] = statistics::youden_threshold(chosen_on.flags, chosen_on.scores).value_or(0.5);
    } else if (epoch == selection.checkpoint) {
      for (const Selection::Threshold& chosen : selection.thresholds)
        if (chosen.label == predictions.class_names[l] && chosen.rule == "youden")
          thresholds[l] = chosen.threshold;
    }
  }
  return thresholds;
}

statistics::MetricTable metric_table_of(const Predictions& predictions, const SplitPredictions& one,
                                        const Selection& selection, const EvaluationDetails& details) {
  if (!details.labels())
    return statistics::make_metric_table(one.table(), details.positive, details.bootstrap);
  return statistics::make_label_metric_table(
      one.label_table(), label_thresholds(predictions, selection, one.epoch), details.bootstrap);
}

CalibrationFigures figures_of(const statistics::ProbabilityTable& table) {
  return {statistics::brier_score(table), statistics::expected_calibration_error(table),
          statistics::negative_log_likelihood(table)};
}

/// Calls `use` with the probabilities of the classes, or of all known labels as answers of two classes.
template <class Use>
auto with_probabilities(const SplitPredictions& predictions, Use&& use) {
  if (predictions.images->targets.empty()) return use(predictions.table());
  const statistics::KnownAnswers answers = statistics::known_answers(predictions.label_table());
  return use(answers.table());
}

std::optional<double> fit_temperature(const SplitPredictions& validation) {
  return with_probabilities(validation, statistics::fit_temperature);
}

TemperatureScaling scale_temperature(std::optional<double> temperature, const SplitPredictions* test) {
  TemperatureScaling result;
  result.temperature = temperature;
  if (test == nullptr) return result;
  with_probabilities(*test, [&](const statistics::ProbabilityTable& table) {
    result.test_before = figures_of(table);
    if (!temperature) return;
    const std::vector<double> scaled = statistics::at_temperature(table, *temperature);
    result.test_after = figures_of({table.classes, scaled, table.labels});
  });
  return result;
}

statistics::CandidateResult candidate_of(const SplitPredictions& predictions) {
  statistics::CandidateResult result;
  const statistics::ProbabilityTable table = predictions.table();
  result.right = statistics::confidence_of(table).right;
  for (std::size_t i = 0; i < table.images(); ++i)
    result.loss.push_back(
        *statistics::negative_log_likelihood({table.classes, table.row(i), table.labels.subspan(i, 1)}));
  return result;
}

void estimate_selection(const Predictions& predictions, EvaluationDetails& details) {
  std::vector<statistics::CandidateResult> candidates;
  std::span<const std::int64_t> labels;
  for (const SplitPredictions& one : predictions.splits) {
    if (one.split != "test" || !one.finite()) continue;
    candidates.push_back(candidate_of(one));
    labels = one.images->labels;
  }
  details.candidates = candidates.size();
  if (candidates.size() < 2) return;
  statistics::BootstrapSettings settings = details.bootstrap;
  settings.purpose = 1;
  details.selection = statistics::selection_optimism(candidates, labels, settings);
}

void estimate_label_selection(const Predictions& predictions, EvaluationDetails& details) {
  std::vector<statistics::LabelTable> candidates;
  for (const SplitPredictions& one : predictions.splits)
    if (one.split == "test" && one.finite()) candidates.push_back(one.label_table());
  details.candidates = candidates.size();
  if (candidates.size() < 2) return;
  statistics::BootstrapSettings settings = details.bootstrap;
  settings.purpose = 1;
  details.selection = statistics::label_selection_optimism(candidates, settings);
}

/// How many patients the images are of; nothing where one is not known.
std::optional<std::int64_t> count_patients(const SplitImages& images) {
  const std::set<std::string> patients(images.patients.begin(), images.patients.end());
  if (patients.empty() || patients.contains("")) return std::nullopt;
  return static_cast<std::int64_t>(patients.size());
}

}  // namespace

std::optional<bool> OperatingPoint::misses_wanted() const {
  if (!wanted || !test || test->positives() == 0) return std::nullopt;
  return statistics::wilson_interval(test->true_positive, test->positives()).high < *wanted;
}

bool OperatingPoint::tells_nothing() const {
  if (!validation) return false;
  const std::optional<double> sensitivity = validation->sensitivity(),
                              specificity = validation->specificity();
  return sensitivity && specificity && *sensitivity + *specificity <= 1.0;
}

const statistics::MetricTable* EvaluationDetails::find(std::int64_t epoch, const std::string& split) const {
  for (const CheckpointMetrics& one : checkpoints)
    if (one.epoch == epoch && one.split == split) return one.metrics ? &*one.metrics : nullptr;
  return nullptr;
}

EvaluationDetails make_details(const Predictions& predictions, const Selection& selection,
                               const DetailSettings& settings) {
  EvaluationDetails details;
  details.task = predictions.task;
  details.class_names = predictions.class_names;
  if (!details.labels()) details.positive = positive_class(predictions.class_names, settings.positive);
  details.positive_given = !settings.positive.empty();
  details.bootstrap.seed = settings.seed;
  details.selected = selection;
  details.averaging = settings.averaging;
  for (const SplitPredictions& one : predictions.splits) {
    details.checkpoints.push_back({one.epoch, one.split, {}});
    if (one.finite())
      details.checkpoints.back().metrics = metric_table_of(predictions, one, selection, details);
  }
  if (details.labels())
    estimate_label_selection(predictions, details);
  else
    estimate_selection(predictions, details);
  if (settings.subgroups) {
    details.subgroup_file = settings.subgroups->path.filename().string();
    details.subgroups_left_out = settings.subgroups->left_out;
  }
  const SplitPredictions *validation = predictions.find(details.selected.checkpoint, "validation"),
                         *test = predictions.find(details.selected.checkpoint, "test");
  if (test != nullptr) {
    details.test_patients = count_patients(*test->images);
    details.test_fingerprints = test->images->fingerprints;
  }
  if (test != nullptr && !test->finite()) return details;
  if (test != nullptr && settings.subgroups)
    details.subgroups = subgroup_tables(*settings.subgroups, *test, details.positive);
  if (details.labels()) {
    const std::size_t labels = details.class_names.size();
    if (selection.on == SelectedOn::run_validation && test != nullptr) {
      details.thresholds = label_points(labels, [&](std::size_t l) {
        return apply_thresholds(selection, *test, l, details.class_names[l]);
      });
      if (selection.temperature) details.temperature = scale_temperature(selection.temperature, test);
    } else if (validation != nullptr && validation->finite()) {
      details.thresholds = label_points(labels, [&](std::size_t l) {
        return choose_thresholds(*validation, test, l, settings.target_sensitivity);
      });
      details.temperature = scale_temperature(fit_temperature(*validation), test);
    }
    return details;
  }
  if (selection.on == SelectedOn::run_validation && test != nullptr) {
    if (details.two_classes() && selection.positive_class == details.class_names[details.positive])
      details.thresholds = apply_thresholds(selection, *test, details.positive);
    if (selection.temperature) details.temperature = scale_temperature(selection.temperature, test);
    return details;
  }
  if (validation == nullptr || !validation->finite()) return details;
  if (details.two_classes())
    details.thresholds = choose_thresholds(*validation, test, details.positive, settings.target_sensitivity);
  details.temperature = scale_temperature(fit_temperature(*validation), test);
  return details;
}

}  // namespace xr::apps
