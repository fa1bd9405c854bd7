// What the checkpoints of a run said of each image: RUN/predictions.csv.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "apps/statistics/calibration.h"
#include "apps/statistics/label_metrics.h"
#include "data/dataset/task.h"

namespace xr::apps {

/// The images of a split, the same for all checkpoints.
struct SplitImages {
  std::vector<std::string> paths;  ///< relative to the data folder, with '/'
  std::vector<std::int64_t> labels;
  /// Of each image, empty where it is not known. Not in predictions.csv.
  std::vector<std::string> patients, fingerprints;
  std::vector<float> targets = {};  ///< of several labels: images x labels, NaN where unknown; else empty
};

/// Class probabilities of one checkpoint on one split.
struct SplitPredictions {
  std::int64_t epoch = 0;
  std::string split;  ///< "validation" or "test"
  std::shared_ptr<const SplitImages> images;
  /// images x classes: softmax of the logits, in double; of several labels the sigmoid of each.
  std::vector<double> probabilities;

  [[nodiscard]] statistics::ProbabilityTable table() const;
  /// Of several labels.
  [[nodiscard]] statistics::LabelTable label_table() const;
  /// False if a probability is NaN or infinite: the network gave no numbers, nothing can be computed.
  [[nodiscard]] bool finite() const;
};

struct Predictions {
  std::vector<std::string> class_names;
  std::vector<SplitPredictions> splits;  ///< in the order of evaluation
  data::Task task = data::Task::multi_class;

  /// Of a checkpoint on a split, or nullptr.
  [[nodiscard]] const SplitPredictions* find(std::int64_t epoch, const std::string& split) const;
};

/// "1", "0", or nothing where it is unknown.
[[nodiscard]] std::string target_text(float target);

/// predictions.csv (docs/formats.md); numbers read back bit for bit.
[[nodiscard]] std::string predictions_csv(const Predictions& predictions);
/// Throws DataError that names the file and the line if it is no such file.
[[nodiscard]] Predictions read_predictions(const std::filesystem::path& path);

}  // namespace xr::apps
