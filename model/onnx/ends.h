// What comes before and after a network: from the bytes of an image to its input, from logits to probabilities.
#pragma once

#include <array>
#include <optional>

#include "model/onnx/graph.h"

namespace xr::model::onnx {

/// The input becomes "image", bytes of the network's size: (byte / 255 - mean) / deviation for each channel.
void add_image_input(Graph& graph, const std::array<float, 3>& mean, const std::array<float, 3>& deviation);

enum class Probabilities : std::uint8_t {
  of_classes,  ///< softmax: they sum to 1
  of_labels    ///< sigmoid: each by itself
};

/// A second output "probabilities"; and with a temperature, by which logits are divided, a third,
/// "calibrated_probabilities".
void add_probabilities(Graph& graph, Probabilities kind, std::optional<double> temperature);

}  // namespace xr::model::onnx
