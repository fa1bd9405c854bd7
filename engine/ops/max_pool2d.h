#pragma once

#include "engine/core/tensor.h"

namespace xr::engine {

using kernels::Pool2dParams;

/// Maximum over windows of (N, C, H, W), as PyTorch's max_pool2d (rounding down). Of equal values the first
/// in row-major order gets the gradient; NaN wins over numbers.
[[nodiscard]] Tensor max_pool2d(const Tensor& x, const Pool2dParams& params = {});

}  // namespace xr::engine
