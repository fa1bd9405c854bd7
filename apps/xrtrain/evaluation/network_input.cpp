#include "apps/xrtrain/evaluation/network_input.h"

#include "apps/xrtrain/evaluation/views.h"

namespace xr::apps {

std::vector<float> network_input(std::span<const std::uint8_t> stored, const CheckpointInfo& info,
                                 std::int64_t view) {
  const data::AugmentSettings settings = view_settings(preprocessing_of(info).evaluation_augment, view);
  const int size = static_cast<int>(info.model.image_size), channels = static_cast<int>(info.model.channels),
            side = info.format.size;
  std::vector<float> input(static_cast<std::size_t>(channels) * size * size);
  data::Augmenter(settings, size).apply(stored, channels, side, draw_view(settings, side, view), input);
  return input;
}

}  // namespace xr::apps
