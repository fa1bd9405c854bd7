// What a network saw in images: for `predict --explain` and the report.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/xrtrain/explain/overlay.h"
#include "apps/xrtrain/run/checkpoint.h"
#include "data/image/image.h"
#include "data/loader/loader.h"

namespace xr::apps::explain {

struct Explanation {
  std::size_t class_index = 0;  ///< which class is explained
  data::Image image;            ///< RGB, as the network sees it
  Map grad_cam;                 ///< 0 to 1, at the image's size
  std::optional<double>
      central_share;                ///< of the Grad-CAM map; see model/explain/map.h, none of a coarse map
  bool empty = false;               ///< nothing at the layer speaks for the class
  bool coarse = false;              ///< the layer's map has fewer than min_map_side cells a side
  std::optional<Map> occlusion;     ///< 0 to 1, if it was asked for
  std::optional<double> agreement;  ///< correlation of the two maps
};

/// A map of fewer cells a side says nothing of the border: each cell is wider than it. 7 are what xray_resnet
/// has for images of 224 pixels.
constexpr int min_map_side = 7;

struct ExplainSettings {
  std::string layer;  ///< by its name in the state dict; empty: the last with positions
  bool occlusion = false;
  std::int64_t batch_size = 32;
};

/// Explains each image of a batch for its class in `classes` (as many).
[[nodiscard]] std::vector<Explanation> explain(model::Module& network, const CheckpointInfo& info,
                                               const data::Batch& batch,
                                               std::span<const std::int64_t> classes,
                                               const ExplainSettings& settings,
                                               const kernels::Device& device);

/// The image beside its overlays, with the scale of colours; at least 224 pixels high.
[[nodiscard]] data::Image picture_of(const Explanation& explanation);

/// Below this correlation Grad-CAM and occlusion do not speak of the same thing.
constexpr double min_agreement = 0.2;

struct MapWarning {
  std::string id;  ///< of apps/xrtrain/warning_id.h
  std::string text;
};

/// What is wrong with a map: most of it lies on the border, it is empty, or the
/// occlusion map shows something else. Empty if nothing is.
[[nodiscard]] std::vector<MapWarning> warnings_about(const Explanation& explanation);
/// In one line.
[[nodiscard]] std::string text_of(const std::vector<MapWarning>& warnings);

}  // namespace xr::apps::explain
