#include "apps/xrtrain/explain/explanation.h"

#include <fmt/core.h>

#include <algorithm>

#include "apps/xrtrain/explain/overlay.h"
#include "apps/xrtrain/training/batch_source.h"
#include "apps/xrtrain/warning_id.h"
#include "model/explain/grad_cam.h"
#include "model/explain/occlusion.h"

namespace xr::apps::explain {

std::vector<Explanation> explain(model::Module& network, const CheckpointInfo& info, const data::Batch& batch,
                                 std::span<const std::int64_t> classes, const ExplainSettings& settings,
                                 const kernels::Device& device) {
  const std::string layer =
      settings.layer.empty()
          ? model::explain::last_feature_layer(network, {1, batch.channels, batch.size, batch.size}, device)
          : settings.layer;
  const std::vector<Map> maps = model::explain::grad_cam(network, to_tensor(batch, device), classes, layer);
  const int size = batch.size;
  const std::size_t elements = static_cast<std::size_t>(batch.channels) * size * size;
  std::vector<Explanation> result;
  for (std::size_t i = 0; i < maps.size(); ++i) {
    const std::span<const float> input = std::span(batch.images).subspan(i * elements, elements);
    Explanation explanation;
    explanation.class_index = static_cast<std::size_t>(classes[i]);
    explanation.image =
        input_image(input, batch.channels, size, info.normalization.mean, info.normalization.deviation);
    explanation.grad_cam = model::explain::normalized(model::explain::upsample(maps[i], size, size));
    explanation.central_share = model::explain::central_share(explanation.grad_cam);
    explanation.empty = !explanation.central_share;
    explanation.coarse = std::min(maps[i].height, maps[i].width) < min_map_side;
    if (explanation.coarse) explanation.central_share.reset();
    if (settings.occlusion) {
      explanation.occlusion = model::explain::normalized(
          model::explain::occlusion_map(network, input, batch.channels, size, classes[i], device,
                                        {0, 0, settings.batch_size, info.task == data::Task::multi_label}));
      explanation.agreement = model::explain::correlation(explanation.grad_cam, *explanation.occlusion);
    }
    result.push_back(std::move(explanation));
  }
  return result;
}

data::Image picture_of(const Explanation& explanation) {
  std::vector<data::Image> images{explanation.image, overlay(explanation.image, explanation.grad_cam)};
  if (explanation.occlusion) images.push_back(overlay(explanation.image, *explanation.occlusion));
  for (data::Image& image : images) image = enlarged(image, 224);
  return panel(images);
}

std::vector<MapWarning> warnings_about(const Explanation& explanation) {
  if (explanation.empty)
    return {{warning_id::map_empty, "its Grad-CAM map is empty: nothing at this layer speaks for the class"}};
  std::vector<MapWarning> warnings;
  if (explanation.central_share && *explanation.central_share < 0.5)
    warnings.push_back(
        {warning_id::map_on_border,
         fmt::format(
             "{:.0f}% of its Grad-CAM map lies on the border of the image (the outer eighth of each side), where "
             "in most X-rays there is little lung: the network may go by marks, text or the edge of the picture",
             100.0 * (1.0 - *explanation.central_share))});
  if (explanation.agreement && *explanation.agreement < min_agreement)
    warnings.push_back(
        {warning_id::maps_differ,
         fmt::format("its Grad-CAM map and its occlusion map have little in common (correlation "
                     "{:.2f}): neither can be relied on",
                     *explanation.agreement)});
  return warnings;
}

std::string text_of(const std::vector<MapWarning>& warnings) {
  std::string text;
  for (const MapWarning& warning : warnings) text += (text.empty() ? "" : "; ") + warning.text;
  return text;
}

}  // namespace xr::apps::explain
