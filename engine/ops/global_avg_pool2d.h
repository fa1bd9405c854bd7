#pragma once

#include "engine/core/tensor.h"

namespace xr::engine {

/// (N, C, H, W) -> (N, C): the mean over H and W.
[[nodiscard]] Tensor global_avg_pool2d(const Tensor& x);

}  // namespace xr::engine
