#pragma once

#include "engine/core/tensor.h"

namespace xr::engine {

/// a + b with NumPy's broadcasting.
[[nodiscard]] Tensor add(const Tensor& a, const Tensor& b);

}  // namespace xr::engine
