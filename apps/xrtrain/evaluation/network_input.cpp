#include "apps/xrtrain/evaluation/network_input.h"

namespace xr::apps {

std::vector<float> network_input(std::span<const std::uint8_t> stored, const CheckpointInfo& info) {
  const data::AugmentSettings settings = preprocessing_of(info).evaluation_augment;
  const int size = static_cast<int>(info.model.image_size), channels = static_cast<int>(info.model.channels),
            side = info.format.size;
  std::vector<float> input(static_cast<std::size_t>(channels) * size * size);
  data::Augmenter(settings, size)
      .apply(stored, channels, side, data::draw_augmentation(settings, side, side, 0, 0, 0), input);
  return input;
}

}  // namespace xr::apps
