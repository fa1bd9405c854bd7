#pragma once

#include "engine/core/tensor.h"
#include "kernels/ops/leaky_relu.h"

namespace xr::engine {

/// x where x > 0, else negative_slope x, element by element; NaN stays NaN.
[[nodiscard]] Tensor leaky_relu(const Tensor& x, const kernels::LeakyReluParams& params = {});

}  // namespace xr::engine
