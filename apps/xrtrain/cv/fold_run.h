// The run of one fold: its command line, and what it left.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "apps/xrtrain/cv/cv_results.h"
#include "apps/xrtrain/options/options.h"

namespace xr::apps {

struct FoldTask {
  std::int64_t repeat = 1, fold = 1;  ///< counted from 1
  int folds = 5;
  std::filesystem::path folder;  ///< of the run

  /// What the run says goes into this file, beside its folder.
  [[nodiscard]] std::filesystem::path output() const { return folder.string() + ".txt"; }
};

/// The arguments of `xrtrain` that train it, or go on with it. Repeat r takes seed + r - 1 for the cut, the
/// weights and the order of the images.
[[nodiscard]] std::vector<std::string> fold_arguments(const TrainOptions& options, const FoldTask& task);

/// Whether the run has come to its end.
[[nodiscard]] bool is_complete(const FoldTask& task);

/// The predictions of its test images by the checkpoint that was chosen on validation images, or the last
/// one. Throws Error if they do not fit the classes.
[[nodiscard]] FoldPredictions read_fold(const FoldTask& task, const std::vector<std::string>& class_names);

/// Removes what is large and no longer needed.
void remove_checkpoints(const FoldTask& task);

/// repeat, fold, image, label, and for each class its probability, p(NAME).
[[nodiscard]] std::string cv_predictions_csv(const std::vector<FoldPredictions>& folds,
                                             const std::vector<std::string>& class_names);

/// The last line of a run's output, or its exit status if it said nothing.
[[nodiscard]] std::string last_line(const std::filesystem::path& output, int status);

}  // namespace xr::apps
