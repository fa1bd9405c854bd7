#pragma once

#include "engine/core/tensor.h"

namespace xr::engine {

using kernels::DropoutParams;

/// Zeroes elements with the given probability and scales the others by 1 / (1 - probability); whole channels
/// of (N, C, H, W) where params.whole_channels (dropout2d). The mask is a function of (seed, stream, offset)
/// and the element's logical index alone, the same on every device.
[[nodiscard]] Tensor dropout(const Tensor& x, const DropoutParams& params);

}  // namespace xr::engine
