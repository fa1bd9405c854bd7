#include "apps/xrtrain/evaluation/checkpoint_results.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/text/text.h"
#include "apps/xrtrain/run/run_folder.h"
#include "engine/distributed/broadcast_tensors.h"

namespace xr::apps {

namespace {

using nlohmann::json;

std::optional<std::int64_t> best_on(const CheckpointResults& results, const std::string& split,
                                    std::int64_t first_candidate) {
  History history;
  for (const CheckpointResult& result : results)
    if (result.split == split) history.push_back({.epoch = result.epoch, .validation = result.evaluation});
  return best_on_validation(history, first_candidate);
}

json label_result_json(const Evaluation& evaluation, const std::vector<std::string>& labels) {
  json list = json::array();
  for (std::size_t l = 0; l < labels.size(); ++l)
    list.push_back(
        {{"label", labels[l]}, {"known", evaluation.count[l]}, {"correct", evaluation.correct[l]}});
  return {{"correct", evaluation.hits()},
          {"known", evaluation.images()},
          {"accuracy", evaluation.accuracy()},
          {"mean_auroc", evaluation.mean_auroc ? json(*evaluation.mean_auroc) : json(nullptr)},
          {"loss", evaluation.loss()},
          {"labels", list}};
}

json result_json(const CheckpointResult* result, const std::vector<std::string>& class_names) {
  if (result == nullptr) return nullptr;
  if (result->has_labels()) return label_result_json(result->evaluation, class_names);
  const Evaluation& evaluation = result->evaluation;
  const statistics::Interval interval = statistics::wilson_interval(evaluation.hits(), evaluation.images());
  json classes = json::array();
  for (std::size_t c = 0; c < class_names.size(); ++c)
    classes.push_back(
        {{"class", class_names[c]}, {"images", evaluation.count[c]}, {"correct", evaluation.correct[c]}});
  return {{"correct", evaluation.hits()},      {"images", evaluation.images()},
          {"accuracy", evaluation.accuracy()}, {"interval_95", {interval.low, interval.high}},
          {"loss", evaluation.loss()},         {"classes", classes}};
}

json choice_json(const CheckpointResults& results, std::optional<std::int64_t> epoch,
                 const std::vector<std::string>& class_names) {
  if (!epoch) return nullptr;
  return {{"checkpoint", fmt::format("{:02d}", *epoch)},
          {"validation", result_json(find_result(results, *epoch, "validation"), class_names)},
          {"test", result_json(find_result(results, *epoch, "test"), class_names)}};
}

std::string label_csv(const CheckpointResults& results, const std::vector<std::string>& labels) {
  std::string text = "checkpoint,split,known,correct,accuracy,mean_auroc,loss";
  for (const std::string& name : labels)
    text += fmt::format(",{},{}", text::csv_field("known " + name), text::csv_field("correct " + name));
  text += '\n';
  for (const CheckpointResult& result : results) {
    const Evaluation& evaluation = result.evaluation;
    text += fmt::format("{:02d},{},{},{},{:.6f},{},{}", result.epoch, result.split, evaluation.images(),
                        evaluation.hits(), evaluation.accuracy(),
                        evaluation.mean_auroc ? fmt::format("{:.6f}", *evaluation.mean_auroc) : "",
                        text::number_text(evaluation.loss()));
    for (std::size_t l = 0; l < labels.size(); ++l)
      text += fmt::format(",{},{}", evaluation.count[l], evaluation.correct[l]);
    text += '\n';
  }
  return text;
}

std::size_t checkpoint_count(const CheckpointResults& results) {
  std::vector<std::int64_t> epochs;
  for (const CheckpointResult& result : results) epochs.push_back(result.epoch);
  std::ranges::sort(epochs);
  return static_cast<std::size_t>(std::unique(epochs.begin(), epochs.end()) - epochs.begin());
}

}  // namespace

CheckpointResults evaluate_checkpoints(const std::filesystem::path& run,
                                       const std::vector<std::int64_t>& epochs, model::Module& network,
                                       const std::vector<EvaluationSplit*>& splits, Console& console,
                                       engine::Communicator* communicator) {
  const double started = now_seconds();
  CheckpointResults results;
  std::optional<double> best;
  for (const std::int64_t epoch : epochs) {
    const std::filesystem::path path = checkpoint_path(run, epoch);
    console.detail(fmt::format("Loading model {}", path.string()));
    if (communicator == nullptr || communicator->rank() == 0) load_weights(path, network);
    if (communicator != nullptr) engine::broadcast_tensors(*communicator, network.state());
    for (EvaluationSplit* split : splits) {
      SplitPredictions predictions{epoch, split->name(), split->listed(), {}};
      const Evaluation evaluation = split->run(network, console, &predictions.probabilities);
      results.push_back({epoch, split->name(), evaluation, std::move(predictions)});
      const bool test = split->name() == "test";
      console.detail(fmt::format("{}Acc: {:.4f}{}", test ? "" : "Validation ", evaluation.accuracy(),
                                 mean_auroc_suffix(evaluation)));
      console.event("evaluation", {{"checkpoint", fmt::format("{:02d}", epoch)},
                                   {"split", split->name()},
                                   {"correct", evaluation.hits()},
                                   {"images", evaluation.images()},
                                   {"accuracy", evaluation.accuracy()},
                                   {"loss", evaluation.loss()}});
      if (test && !results.back().has_labels()) best = std::max(best.value_or(0.0), evaluation.accuracy());
    }
  }
  console.detail(fmt::format("Validation complete in {}", text::duration_text(now_seconds() - started)));
  if (best)
    console.detail(fmt::format(
        "Best Acc: {:.6f}{}", *best,
        epochs.size() == 1 ? ""
                           : fmt::format(" (optimistic: the best of {} on the test images)", epochs.size())));
  return results;
}

Predictions predictions_of(const CheckpointResults& results, const std::vector<std::string>& class_names) {
  Predictions predictions{class_names, {}};
  for (const CheckpointResult& result : results) {
    predictions.splits.push_back(result.predictions);
    if (result.has_labels()) predictions.task = data::Task::multi_label;
  }
  return predictions;
}

Selection select(const CheckpointResults& results, std::int64_t first_candidate) {
  Selection selection;
  for (const CheckpointResult& result : results) selection.last = std::max(selection.last, result.epoch);
  const std::optional<std::int64_t> best = best_on(results, "validation", first_candidate);
  selection.checkpoint = best.value_or(selection.last);
  selection.on = best ? SelectedOn::validation : SelectedOn::last;
  selection.best_on_test = best_on(results, "test", 0);
  return selection;
}

const CheckpointResult* find_result(const CheckpointResults& results, std::int64_t epoch,
                                    const std::string& split) {
  const auto found = std::ranges::find_if(results, [&](const CheckpointResult& result) {
    return result.epoch == epoch && result.split == split;
  });
  return found == results.end() ? nullptr : &*found;
}

std::string evaluation_csv(const CheckpointResults& results, const std::vector<std::string>& class_names) {
  if (!results.empty() && results.front().has_labels()) return label_csv(results, class_names);
  std::string text = "checkpoint,split,images,correct,accuracy,interval_low,interval_high,loss";
  for (const std::string& name : class_names)
    text += fmt::format(",{},{}", text::csv_field("images " + name), text::csv_field("correct " + name));
  text += '\n';
  for (const CheckpointResult& result : results) {
    const Evaluation& evaluation = result.evaluation;
    const statistics::Interval interval = statistics::wilson_interval(evaluation.hits(), evaluation.images());
    text += fmt::format("{:02d},{},{},{},{:.6f},{:.6f},{:.6f},{}", result.epoch, result.split,
                        evaluation.images(), evaluation.hits(), evaluation.accuracy(), interval.low,
                        interval.high, text::number_text(evaluation.loss()));
    for (std::size_t c = 0; c < class_names.size(); ++c)
      text += fmt::format(",{},{}", evaluation.count[c], evaluation.correct[c]);
    text += '\n';
  }
  return text;
}

std::string summary_json(const CheckpointResults& results, const Selection& selection, const History& history,
                         const CheckpointInfo& info, const Averaging& averaging) {
  json training = nullptr;
  if (!history.empty()) {
    const auto by_loss = [](const EpochRecord& a, const EpochRecord& b) {
      return a.train_loss < b.train_loss;
    };
    const auto by_accuracy = [](const EpochRecord& a, const EpochRecord& b) {
      return a.train_accuracy() < b.train_accuracy();
    };
    training = {{"epochs", history.size()},
                {"first_loss", history.front().train_loss},
                {"last_loss", history.back().train_loss},
                {"least_loss", std::ranges::min_element(history, by_loss)->train_loss},
                {"best_accuracy", std::ranges::max_element(history, by_accuracy)->train_accuracy()}};
  }
  const auto on_validation = selection.on_validation() ? std::optional(selection.checkpoint) : std::nullopt;
  const bool labels = info.task == data::Task::multi_label;
  std::int64_t parameters = averaging.is_ensemble() ? 0 : model::parameter_count(info.model);
  for (const EnsembleMember& member : averaging.members)
    parameters += model::parameter_count(member.info.model);
  json summary = {
      {"program", "xrtrain " XR_VERSION},
      {"model", averaging.is_ensemble() ? "ensemble" : info.model.name},
      {"parameters", parameters},
      {labels ? "labels" : "classes", info.class_names},
      {"training", training},
      {"checkpoints", checkpoint_count(results)},
      {"last", choice_json(results, selection.last, info.class_names)},
      {"chosen_on_validation", choice_json(results, on_validation, info.class_names)},
      {"best_on_test_optimistic", choice_json(results, selection.best_on_test, info.class_names)}};
  add_averaging(summary, averaging);
  return summary.dump(2, ' ', false, json::error_handler_t::replace) + '\n';
}

}  // namespace xr::apps
