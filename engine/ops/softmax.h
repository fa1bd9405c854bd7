#pragma once

#include "engine/core/tensor.h"

namespace xr::engine {

/// exp(x) / sum of exp(x) over each row of (N, classes), safe for large values.
[[nodiscard]] Tensor softmax(const Tensor& x);

}  // namespace xr::engine
