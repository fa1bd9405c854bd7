// Checkpoints: a network's state with all that is needed to use it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "apps/xrtrain/training/dataset.h"
#include "engine/io/safetensors.h"
#include "model/model.h"

namespace xr::apps {

/// What a checkpoint says of itself, besides the tensors.
struct CheckpointInfo {
  model::ModelSettings model;
  data::Task task = data::Task::multi_class;
  std::vector<std::string> class_names;  ///< or labels
  data::StoredFormat format;             ///< of the images that are evaluated
  PixelStatistics normalization;
  std::int64_t epoch = 0;
  double train_loss = 0.0, train_accuracy = 0.0;  ///< NaN of averaged checkpoints
  std::string data;                               ///< identity of the training images
  /// Images over which the running statistics were computed anew; 0: they were not.
  std::int64_t statistics_images = 0;
  bool head_alone = false;  ///< the epoch trained the head alone
  double ema_decay = 0.0;  ///< of the moving average that the weights are; 0: they are those of the last step
  /// Identities of the checkpoints whose mean this is (xrtrain average), or none.
  std::vector<std::string> averaged;
  std::string initial_weights;  ///< identity of the file that the training started from; empty: at random
};

/// How images are resized, as checkpoints say it: with the triangle filter, widened where an image is made smaller
/// (data/image/resize.h). Checkpoints without a name of it mean the same.
inline constexpr const char* interpolation = "bilinear, antialiased";
/// Throws Error for another one.
void check_interpolation(const std::string& name);

[[nodiscard]] engine::Metadata to_metadata(const CheckpointInfo& info);
/// Checks everything. Throws DataError that names the file.
[[nodiscard]] CheckpointInfo read_info(const engine::SafetensorsFile& file,
                                       const std::filesystem::path& path);

struct LoadedCheckpoint {
  CheckpointInfo info;
  std::unique_ptr<model::Module> network;
};
/// Opens a checkpoint, builds its network on `device` and loads the weights. Throws DataError.
[[nodiscard]] LoadedCheckpoint load_checkpoint(const std::filesystem::path& path,
                                               const kernels::Device& device);
/// Loads the weights into an existing network. Throws DataError.
void load_weights(const std::filesystem::path& path, model::Module& network);

/// How images become the network's input.
[[nodiscard]] Preprocessing preprocessing_of(const CheckpointInfo& info);

}  // namespace xr::apps
