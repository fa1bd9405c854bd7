// metrics.json
#include <nlohmann/json.hpp>

#include "apps/xrtrain/evaluation/evaluation_details.h"

namespace xr::apps {

namespace {

using nlohmann::json;

json number(const std::optional<double>& value) {
  return value ? json(*value) : json(nullptr);
}

json interval_json(const std::optional<statistics::Interval>& interval) {
  return interval ? json{interval->low, interval->high} : json(nullptr);
}

json metric_json(const statistics::Metric& metric) {
  json entry = {{"value", number(metric.estimate.value)},
                {"interval_95", interval_json(metric.estimate.interval)},
                {"method", statistics::method_name(metric.method)}};
  if (metric.method == statistics::IntervalMethod::wilson) {
    entry["part"] = metric.part;
    entry["whole"] = metric.whole;
  }
  return entry;
}

json metrics_of(const std::vector<statistics::Metric>& metrics) {
  json entries = json::object();
  for (const statistics::Metric& metric : metrics) entries[metric.name] = metric_json(metric);
  return entries;
}

json counts_json(const statistics::BinaryCounts& counts) {
  return {{"true_positive", counts.true_positive},
          {"false_positive", counts.false_positive},
          {"true_negative", counts.true_negative},
          {"false_negative", counts.false_negative}};
}

json label_table_json(const statistics::MetricTable& table, const std::vector<std::string>& names) {
  json labels = json::array();
  for (const statistics::ClassMetrics& one : table.classes)
    labels.push_back({{"label", names[one.positive]},
                      {"threshold", one.threshold},
                      {"counts", counts_json(one.counts)},
                      {"metrics", metrics_of(one.metrics)}});
  return {{"images", table.images}, {"metrics", metrics_of(table.metrics)}, {"labels", labels}};
}

json table_json(const statistics::MetricTable& table, const std::vector<std::string>& names) {
  json confusion = json::array();
  for (std::size_t label = 0; label < names.size(); ++label) {
    json row = json::array();
    for (std::size_t predicted = 0; predicted < names.size(); ++predicted)
      row.push_back(table.confusion.at(label, predicted));
    confusion.push_back(row);
  }
  json classes = json::array();
  for (const statistics::ClassMetrics& one : table.classes)
    classes.push_back({{"class", names[one.positive]},
                       {"counts", counts_json(one.counts)},
                       {"metrics", metrics_of(one.metrics)}});
  return {{"images", table.images},
          {"confusion", confusion},
          {"metrics", metrics_of(table.metrics)},
          {"against_rest", classes}};
}

json estimate_json(std::int64_t images, const statistics::Estimate& estimate) {
  return {{"images", images},
          {"value", number(estimate.value)},
          {"interval_95", interval_json(estimate.interval)}};
}

json point_json(const std::optional<statistics::BinaryCounts>& counts) {
  if (!counts) return nullptr;
  json entry = counts_json(*counts);
  entry["sensitivity"] =
      estimate_json(counts->positives(), statistics::proportion(counts->true_positive, counts->positives()));
  entry["specificity"] =
      estimate_json(counts->negatives(), statistics::proportion(counts->true_negative, counts->negatives()));
  return entry;
}

json thresholds_json(const EvaluationDetails& details) {
  json entries = json::array();
  for (const OperatingPoint& point : details.thresholds) {
    entries.push_back(
        {{"rule", point.rule},
         {"wanted", number(point.wanted)},
         {"threshold", number(point.threshold)},
         {"validation", point_json(point.validation)},
         {"test", point_json(point.test)},
         {"test_misses_wanted", point.misses_wanted() ? json(*point.misses_wanted()) : json(nullptr)}});
    if (point.label) entries.back()["label"] = details.class_names[*point.label];
  }
  return entries;
}

json figures_json(const CalibrationFigures& figures) {
  return {{"brier", number(figures.brier)}, {"ece", number(figures.ece)}, {"nll", number(figures.nll)}};
}

json temperature_json(const EvaluationDetails& details) {
  if (!details.temperature) return nullptr;
  return {{"value", number(details.temperature->temperature)},
          {"test_before", figures_json(details.temperature->test_before)},
          {"test_after", figures_json(details.temperature->test_after)}};
}

json training_json(const EvaluationDetails& details) {
  if (!details.training) return nullptr;
  const TrainingLength& training = *details.training;
  return {{"epochs_asked", training.epochs_asked},
          {"epochs_run", training.epochs_run},
          {"patience", training.patience},
          {"ended_early", training.ended_early}};
}

json subgroups_json(const EvaluationDetails& details) {
  json tables = json::array();
  const auto rate = [](const SubgroupRate& one) { return estimate_json(one.images, one.estimate); };
  for (const SubgroupTable& table : details.subgroups) {
    json groups = json::array();
    for (const Subgroup& group : table.groups)
      groups.push_back({{"value", group.value},
                        {"images", group.images},
                        {"accuracy", rate(group.accuracy)},
                        {"sensitivity", rate(group.sensitivity)},
                        {"specificity", rate(group.specificity)},
                        {"auroc", rate(group.auroc)}});
    tables.push_back({{"column", table.column}, {"groups", groups}});
  }
  return {{"file", details.subgroup_file},
          {"least_images", min_subgroup},
          {"columns_left_out", details.subgroups_left_out},
          {"tables", tables}};
}

}  // namespace

std::string metrics_json(const EvaluationDetails& details) {
  json checkpoints = json::array();
  for (const CheckpointMetrics& one : details.checkpoints) {
    json entry = !one.metrics       ? json{{"metrics", nullptr}}
                 : details.labels() ? label_table_json(*one.metrics, details.class_names)
                                    : table_json(*one.metrics, details.class_names);
    entry["checkpoint"] = fmt::format("{:02d}", one.epoch);
    entry["split"] = one.split;
    checkpoints.push_back(entry);
  }
  const statistics::SelectionOptimism& selection = details.selection;
  json optimistic = {{"candidates", details.candidates}, {"optimism", number(selection.optimism)}};
  const std::string measure = details.labels() ? "mean_auroc" : "accuracy";
  optimistic["apparent_" + measure] = number(selection.apparent);
  optimistic["corrected_" + measure] = number(selection.corrected);
  json result = {
      {"program", "xrtrain " XR_VERSION},
      {"classes", details.class_names},
      {"positive_class", details.two_classes() ? json(details.class_names[details.positive]) : json(nullptr)},
      {"bootstrap", {{"resamples", details.bootstrap.resamples}, {"seed", details.bootstrap.seed}}},
      {"training", training_json(details)},
      {"checkpoints", checkpoints},
      {"chosen",
       {{"checkpoint", fmt::format("{:02d}", details.selected.checkpoint)},
        {"on", name_of(details.selected.on)},
        {"thresholds", thresholds_json(details)},
        {"temperature", temperature_json(details)},
        {"test_patients", details.test_patients ? json(*details.test_patients) : json(nullptr)},
        {"subgroups", details.subgroup_file.empty() ? json(nullptr) : subgroups_json(details)}}},
      {"test_fingerprints", details.test_fingerprints},
      {"best_on_test_optimistic", optimistic}};
  add_averaging(result, details.averaging);
  if (details.labels()) {
    result["task"] = "multi-label";
    result["labels"] = result["classes"];
    result.erase("classes");
  }
  return result.dump(1, ' ', false, json::error_handler_t::replace) + '\n';
}

}  // namespace xr::apps
