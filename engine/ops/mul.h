#pragma once

#include "engine/core/tensor.h"

namespace xr::engine {

/// a b, element by element, with NumPy's broadcasting.
[[nodiscard]] Tensor mul(const Tensor& a, const Tensor& b);
/// a x for a number a.
[[nodiscard]] Tensor mul(const Tensor& x, float a);

}  // namespace xr::engine
