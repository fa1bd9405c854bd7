#include "apps/xrtrain/run/run_results.h"

#include <algorithm>

#include "apps/xrtrain/evaluation/result_summary.h"
#include "engine/io/atomic_file.h"

namespace xr::apps {

namespace {

std::optional<TrainingLength> training_length(const TrainOptions& options, const History& history) {
  if (history.empty()) return std::nullopt;
  const auto epochs = static_cast<std::int64_t>(history.size());
  const bool out_of_patience =
      is_out_of_patience(history, options.patience, first_candidate(options.schedule, options.epochs));
  return TrainingLength{options.epochs, epochs, options.patience, epochs < options.epochs && out_of_patience};
}

}  // namespace

RunResults make_results(CheckpointResults checkpoints, const TrainOptions& options,
                        const CheckpointInfo& info, const History& history, const DetailSettings& settings) {
  RunResults results;
  results.checkpoints = std::move(checkpoints);
  results.selection = select(results.checkpoints, first_candidate(options.schedule, options.epochs));
  results.selection.candidates = std::ranges::count_if(history, [&](const EpochRecord& record) {
    return record.validation && record.epoch >= first_candidate(options.schedule, options.epochs);
  });
  if (const auto& before = settings.selected_before;
      before && (before->on == SelectedOn::command_line || before->on == SelectedOn::ensemble ||
                 find_result(results.checkpoints, before->checkpoint, "test") != nullptr)) {
    const std::int64_t last = results.selection.last;
    const std::optional<std::int64_t> best_on_test = results.selection.best_on_test;
    results.selection = *before;
    results.selection.last = last;
    results.selection.best_on_test = best_on_test;
  }
  results.predictions = predictions_of(results.checkpoints, info.class_names);
  results.details = make_details(results.predictions, results.selection, settings);
  results.details.training = training_length(options, history);
  results.table = evaluation_csv(results.checkpoints, info.class_names);
  results.summary = summary_json(results.checkpoints, results.selection, history, info, settings.averaging);
  return results;
}

void print_results(const RunResults& results, Console& console) {
  print_details(results.details, console);
  print_result(results.checkpoints, results.details, console);
}

void write_figures(const RunResults& results, const std::filesystem::path& folder) {
  engine::write_file_atomically(folder / "eval.csv", results.table);
  engine::write_file_atomically(folder / "summary.json", results.summary);
  engine::write_file_atomically(folder / "predictions.csv", predictions_csv(results.predictions));
  engine::write_file_atomically(folder / "metrics.json", metrics_json(results.details));
}

void write_results(const RunResults& results, const RunOutput& output, const data::ImageSet* test_images,
                   model::Module& network) {
  const RunFolder& folder = output.folder;
  write_figures(results, folder.path());
  HtmlReport report{output.options,
                    output.info,
                    results.predictions,
                    results.details,
                    output.history,
                    folder.path(),
                    {},
                    output.device,
                    read_provenance(folder.file("provenance.json"))};
  if (test_images != nullptr)
    report.errors = certain_errors(network, output.info, *test_images, results.predictions, results.details,
                                   folder.path(), output.device);
  engine::write_file_atomically(folder.file("report.html"), html_report(report));
}

}  // namespace xr::apps
