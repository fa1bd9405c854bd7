#include "apps/xrtrain/evaluation/evaluation_details.h"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <set>

#include "apps/statistics/threshold.h"
#include "apps/text/text.h"
#include "apps/xrtrain/errors.h"

namespace xr::apps {

namespace {

bool is_normal(std::string name) {
  for (char& letter : name) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
    if (letter == ' ' || letter == '-') letter = '_';
  }
  static constexpr std::array<std::string_view, 4> names = {"normal", "healthy", "negative", "no_finding"};
  return std::ranges::find(names, name) != names.end();
}

/// Positive flags and scores of a two-class problem.
struct Scored {
  Scored(const SplitPredictions& predictions, std::size_t positive)
      : flags(statistics::against_rest(predictions.images->labels, positive)),
        scores(statistics::column_of(predictions.probabilities, 2, positive)) {}
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

/// The run's thresholds on images of another folder.
std::vector<OperatingPoint> apply_thresholds(const Selection& selection, const SplitPredictions& test,
                                             std::size_t positive) {
  const Scored used_on(test, positive);
  std::vector<OperatingPoint> points;
  for (const Selection::Threshold& chosen : selection.thresholds)
    points.push_back({chosen.rule,
                      chosen.wanted,
                      chosen.threshold,
                      {},
                      statistics::counts_at(used_on.flags, used_on.scores, chosen.threshold)});
  return points;
}

CalibrationFigures figures_of(const statistics::ProbabilityTable& table) {
  return {statistics::brier_score(table), statistics::expected_calibration_error(table),
          statistics::negative_log_likelihood(table)};
}

TemperatureScaling scale_temperature(std::optional<double> temperature, const SplitPredictions* test) {
  TemperatureScaling result;
  result.temperature = temperature;
  if (test == nullptr) return result;
  const statistics::ProbabilityTable table = test->table();
  result.test_before = figures_of(table);
  if (!temperature) return result;
  const std::vector<double> scaled = statistics::at_temperature(table, *temperature);
  result.test_after = figures_of({table.classes, scaled, table.labels});
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

/// How many patients the images are of; nothing where one is not known.
std::optional<std::int64_t> count_patients(const SplitImages& images) {
  const std::set<std::string> patients(images.patients.begin(), images.patients.end());
  if (patients.empty() || patients.contains("")) return std::nullopt;
  return static_cast<std::int64_t>(patients.size());
}

}  // namespace

std::size_t positive_class(const std::vector<std::string>& class_names, const std::string& wanted) {
  if (!wanted.empty()) {
    const auto found = std::ranges::find(class_names, wanted);
    if (found == class_names.end())
      throw UsageError(fmt::format("--positive is {}: there is no such class, use one of {}",
                                   text::one_line(wanted),
                                   text::one_line(fmt::format("{}", fmt::join(class_names, ", ")))));
    return static_cast<std::size_t>(found - class_names.begin());
  }
  const auto found = std::ranges::find_if_not(class_names, is_normal);
  return found == class_names.end() ? 0 : static_cast<std::size_t>(found - class_names.begin());
}

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
  details.class_names = predictions.class_names;
  details.positive = positive_class(predictions.class_names, settings.positive);
  details.positive_given = !settings.positive.empty();
  details.bootstrap.seed = settings.seed;
  details.selected = selection;
  for (const SplitPredictions& one : predictions.splits) {
    details.checkpoints.push_back({one.epoch, one.split, {}});
    if (one.finite())
      details.checkpoints.back().metrics =
          statistics::make_metric_table(one.table(), details.positive, details.bootstrap);
  }
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
  if (selection.on == SelectedOn::run_validation && test != nullptr) {
    if (details.two_classes() && selection.positive_class == details.class_names[details.positive])
      details.thresholds = apply_thresholds(selection, *test, details.positive);
    if (selection.temperature) details.temperature = scale_temperature(selection.temperature, test);
    return details;
  }
  if (validation == nullptr || !validation->finite()) return details;
  if (details.two_classes())
    details.thresholds = choose_thresholds(*validation, test, details.positive, settings.target_sensitivity);
  details.temperature = scale_temperature(statistics::fit_temperature(validation->table()), test);
  return details;
}

}  // namespace xr::apps
