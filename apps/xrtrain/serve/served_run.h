// What is served of a run: its selected checkpoint, the images that it was evaluated on, and what was chosen on validation
// images.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "apps/xrtrain/evaluation/chosen_checkpoint.h"
#include "apps/xrtrain/evaluation/run_predictions.h"
#include "apps/xrtrain/evaluation/selection.h"
#include "apps/xrtrain/run/checkpoint.h"
#include "apps/xrtrain/serve/image_rows.h"
#include "data/image/image.h"

namespace xr::apps::serve {

/// How often a class of about the same probability was right among the evaluated images.
struct Reliability {
  double low = 0, high = 1;  ///< of the bin, as in the report
  std::int64_t right = 0, images = 0;
};

struct ServedRun {
  std::filesystem::path folder, data;
  ChosenCheckpoint checkpoint;
  CheckpointInfo info;
  RunPredictions predictions;
  std::vector<ImageRow> rows;
  DecisionThresholds thresholds;
  bool thresholds_chosen = false;     ///< on validation images
  std::optional<double> temperature;  ///< chosen on validation images, for this checkpoint

  [[nodiscard]] bool has_labels() const { return info.task == data::Task::multi_label; }
  /// "test" or "validation": which images `rows` are.
  [[nodiscard]] const std::string& split() const { return predictions.test.split; }
  /// Of the predicted class; of a label that has this probability. Nothing where the bin is empty.
  [[nodiscard]] std::optional<Reliability> reliability_of(std::size_t class_index, double probability) const;
  /// The probabilities at the temperature. Only where there is one.
  [[nodiscard]] std::vector<double> calibrated(const std::vector<double>& probabilities) const;
  /// Nothing where the image is not a file in the data folder: moved, or in an archive.
  [[nodiscard]] std::optional<std::filesystem::path> file_of(const ImageRow& row) const;
};

/// `data`: where the images are now; empty: where config.toml has them. Throws DataError for a folder that is no run or
/// was not evaluated.
[[nodiscard]] ServedRun open_run(const std::filesystem::path& folder, const std::filesystem::path& data);

/// A PNG with at most `side` pixels a side.
[[nodiscard]] std::string picture_png(const std::filesystem::path& file, const data::StoredFormat& format,
                                      int side);

}  // namespace xr::apps::serve
