#pragma once

#include "engine/core/tensor.h"

namespace xr::engine {

/// min(max(x, 0), 6), element by element; NaN stays NaN. The gradient at 0 and 6 is 0, as in PyTorch.
[[nodiscard]] Tensor relu6(const Tensor& x);

}  // namespace xr::engine
