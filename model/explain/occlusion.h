// Occlusion maps: how much less sure the network is of a class when a square of the image is covered.
//
// M. D. Zeiler and R. Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, section 4.2.
// Slower than Grad-CAM and blind to evidence that is there twice, but it asks the network itself: a check on
// Grad-CAM.
#pragma once

#include <cstdint>
#include <span>

#include "model/explain/map.h"
#include "model/module.h"

namespace xr::model::explain {

struct OcclusionSettings {
  int window = 0;  ///< side of the square in pixels; 0: a sixth of the image's
  int stride = 0;  ///< at most the window; 0: half of it
  std::int64_t batch_size = 32;
  /// The logits are those of labels that are independent of each other: log-odds are the logit itself.
  bool labels = false;
};

/// The map of one image (channels x size x size floats, as the network takes them) at the image's size: at
/// each pixel the mean over the squares that covered it of the fall of the class's log-odds, log p - log(1 -
/// p). Squares are covered with the image's own mean, channel by channel. Above 0: evidence for the class.
/// The network is set to evaluation.
[[nodiscard]] Map occlusion_map(model::Module& network, std::span<const float> image, std::int64_t channels,
                                int size, std::int64_t class_index, const engine::Device& device,
                                const OcclusionSettings& settings = {});

}  // namespace xr::model::explain
