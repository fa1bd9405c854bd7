#include "apps/xrtrain/cv/fold_run.h"

#include <fmt/core.h>

#include <fstream>

#include "apps/text/text.h"
#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/evaluation/run_predictions.h"
#include "apps/xrtrain/options/config.h"
#include "apps/xrtrain/run/run_folder.h"
#include "engine/io/atomic_file.h"

namespace xr::apps {

namespace fs = std::filesystem;

std::vector<std::string> fold_arguments(const TrainOptions& options, const FoldTask& task) {
  TrainOptions of_fold = options;
  of_fold.seed = options.seed + task.repeat - 1;
  of_fold.fold_seed = options.fold_seed + task.repeat - 1;
  of_fold.fold = fmt::format("{}/{}", task.fold, task.folds);
  of_fold.keep = 1;
  const fs::path config = task.folder.string() + ".toml";
  engine::write_file_atomically(config, config_text(of_fold));
  return {"train", "--config", config.string(), "--out", task.folder.string(), "--resume"};
}

bool is_complete(const FoldTask& task) {
  return fs::exists(task.folder / "metrics.json") && fs::exists(task.folder / "predictions.csv") &&
         fs::exists(task.folder / "summary.json");
}

FoldPredictions read_fold(const FoldTask& task, const std::vector<std::string>& class_names) {
  const RunPredictions chosen = read_run_predictions(task.folder);
  if (chosen.class_names != class_names)
    throw DataError(
        fmt::format("the run {} has other classes than the data: remove it and go on", task.folder.string()));
  return {task.repeat,
          task.fold,
          chosen.selection.checkpoint,
          chosen.test.images->paths,
          chosen.test.images->labels,
          chosen.test.probabilities,
          chosen.test.images->targets};
}

void remove_checkpoints(const FoldTask& task) {
  for (const std::int64_t epoch : list_checkpoints(task.folder)) {
    std::error_code code;
    fs::remove(checkpoint_path(task.folder, epoch), code);
    XR_CHECK(!code, "cannot remove {}: {}", checkpoint_path(task.folder, epoch).string(), code.message());
  }
  std::error_code code;
  fs::remove(task.folder / "resume.safetensors", code);
  XR_CHECK(!code, "cannot remove {}: {}", (task.folder / "resume.safetensors").string(), code.message());
}

std::string cv_predictions_csv(const std::vector<FoldPredictions>& folds,
                               const std::vector<std::string>& class_names) {
  const bool labels = !folds.empty() && !folds.front().targets.empty();
  const std::size_t classes = class_names.size();
  std::string text = "repeat,fold,image";
  if (!labels) text += ",label";
  for (const std::string& name : class_names)
    if (labels) text += fmt::format(",{}", text::csv_field("label(" + name + ")"));
  for (const std::string& name : class_names) text += fmt::format(",{}", text::csv_field("p(" + name + ")"));
  text += "\n";
  for (const FoldPredictions& fold : folds)
    for (std::size_t i = 0; i < fold.images.size(); ++i) {
      text += fmt::format("{},{},{}", fold.repeat, fold.fold, text::csv_field(fold.images[i]));
      if (!labels) text += ',' + text::csv_field(class_names[static_cast<std::size_t>(fold.labels[i])]);
      for (std::size_t l = 0; labels && l < classes; ++l)
        text += ',' + target_text(fold.targets[i * classes + l]);
      for (std::size_t c = 0; c < class_names.size(); ++c)
        text += fmt::format(",{}", text::number_text(fold.probabilities[i * class_names.size() + c]));
      text += "\n";
    }
  return text;
}

std::string last_line(const fs::path& output, int status) {
  std::ifstream file(output);
  std::string last;
  for (std::string line; std::getline(file, line);)
    if (!line.empty()) last = line;
  if (last.empty()) return fmt::format("its process ended with status {} and said nothing", status);
  constexpr std::string_view prefix = "xrtrain: error: ";
  return text::one_line(last.starts_with(prefix) ? last.substr(prefix.size()) : last);
}

}  // namespace xr::apps
