#pragma once

#include "engine/core/tensor.h"

namespace xr::engine {

/// max(x, 0), element by element; NaN stays NaN.
[[nodiscard]] Tensor relu(const Tensor& x);

}  // namespace xr::engine
