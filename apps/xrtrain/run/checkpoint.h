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
  std::vector<std::string> class_names;
  data::StoredFormat format;  ///< of the images that are evaluated
  PixelStatistics normalization;
  std::int64_t epoch = 0;
  double train_loss = 0.0, train_accuracy = 0.0;
  std::string data;  ///< identity of the training images
};

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
