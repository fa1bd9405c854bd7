#pragma once

#include "engine/core/tensor.h"

namespace xr::engine {

using kernels::Pool2dParams;

/// Mean over windows of (N, C, H, W), as PyTorch's avg_pool2d (rounding down).
[[nodiscard]] Tensor avg_pool2d(const Tensor& x, const Pool2dParams& params = {});

}  // namespace xr::engine
