#pragma once

#include "engine/core/tensor.h"

namespace xr::engine {

/// The sum and the mean of all elements (rank 0), in an order that depends on the shape alone.
[[nodiscard]] Tensor sum(const Tensor& x);
[[nodiscard]] Tensor mean(const Tensor& x);

}  // namespace xr::engine
