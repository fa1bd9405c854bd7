#pragma once

#include "engine/core/tensor.h"

namespace xr::engine {

/// a (M, K) times b (K, N).
[[nodiscard]] Tensor matmul(const Tensor& a, const Tensor& b);

}  // namespace xr::engine
