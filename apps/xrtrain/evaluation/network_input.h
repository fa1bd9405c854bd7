// One image as the network of a checkpoint sees it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "apps/xrtrain/run/checkpoint.h"

namespace xr::apps {

/// The input (channels x size x size) of an image that is stored in the checkpoint's format, with the checkpoint's
/// preprocessing: the bytes that training without augmentation, validation and evaluation feed. `view`: one of
/// views.h.
[[nodiscard]] std::vector<float> network_input(std::span<const std::uint8_t> stored,
                                               const CheckpointInfo& info, std::int64_t view = 0);

}  // namespace xr::apps
