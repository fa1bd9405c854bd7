#pragma once

#include "engine/core/tensor.h"

namespace xr::engine {

/// The same numbers as f32 or bf16, rounded to nearest, ties to even. The same tensor if it is that already.
[[nodiscard]] Tensor cast(const Tensor& x, DType dtype);

}  // namespace xr::engine
