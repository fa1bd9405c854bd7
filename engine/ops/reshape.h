#pragma once

#include "engine/core/tensor.h"

namespace xr::engine {

/// The same elements in row-major order under another shape; one extent may be -1 and is then worked out.
/// Shares memory with x where x is contiguous.
[[nodiscard]] Tensor reshape(const Tensor& x, std::initializer_list<std::int64_t> shape);
/// (N, ...) -> (N, product of the rest).
[[nodiscard]] Tensor flatten(const Tensor& x);

}  // namespace xr::engine
