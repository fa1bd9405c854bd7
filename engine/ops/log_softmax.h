#pragma once

#include "engine/core/tensor.h"

namespace xr::engine {

/// x - log of the sum of exp(x) over each row of (N, classes), safe for large values.
[[nodiscard]] Tensor log_softmax(const Tensor& x);

}  // namespace xr::engine
