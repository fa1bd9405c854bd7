#pragma once

#include "engine/core/tensor.h"

namespace xr::engine {

/// x (N, in) times weight (out, in) transposed, plus bias (out) or undefined: (N, out), as PyTorch's linear.
[[nodiscard]] Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias);

}  // namespace xr::engine
