// The networks by name.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "model/module.h"

namespace xr::model {

struct ModelSettings {
  std::string name = "xray_resnet";
  std::int64_t channels = 1, image_size = 224, classes = 2;
  std::int64_t padding = 2;  ///< report_cnn: of its first convolution
  float dropout = 0.25f;     ///< before the last layers
  std::uint64_t seed = 0;    ///< of the initial weights and dropout masks
  engine::Device device;
};

/// Names that make_model takes.
[[nodiscard]] std::vector<std::string> model_names();
/// Builds the network with its initial weights. Throws Error for an unknown name (lists the known ones),
/// senseless settings, or an image size below min_image_size (names both).
[[nodiscard]] std::unique_ptr<Module> make_model(const ModelSettings& settings);
/// The same network without memory for its weights: it knows its shapes and cannot run.
[[nodiscard]] std::unique_ptr<Module> make_model_shapes(const ModelSettings& settings);
/// The smallest image size for which every layer has an output.
[[nodiscard]] std::int64_t min_image_size(const ModelSettings& settings);
/// The smallest batch that can be trained on: 2 where a batch norm has one value per channel and image, which
/// has no variance; else 1.
[[nodiscard]] std::int64_t min_training_batch(const ModelSettings& settings);
/// Names and shapes of the network's parameters, without memory for them.
[[nodiscard]] std::vector<NamedShape> parameter_shapes(const ModelSettings& settings);
/// Names of the parameters whose shapes depend on the number of classes: the head. The others are the backbone.
[[nodiscard]] std::set<std::string> head_parameters(const ModelSettings& settings);
/// Parameters of the network, without memory for them.
[[nodiscard]] std::int64_t parameter_count(const ModelSettings& settings);

}  // namespace xr::model
