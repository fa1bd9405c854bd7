#pragma once

#include "engine/core/tensor.h"

namespace xr::engine {

/// The channels of a (N, C, H, W) and then those of b (N, D, H, W): (N, C + D, H, W), as PyTorch's
/// cat((a, b), dim=1), in the layout of a. Throws Error where other extents or the types differ.
[[nodiscard]] Tensor concat_channels(const Tensor& a, const Tensor& b);

}  // namespace xr::engine
