#pragma once

#include "engine/core/tensor.h"

namespace xr::engine {

/// The same tensor in another memory layout; x itself if it has it already.
[[nodiscard]] Tensor reorder(const Tensor& x, Layout layout);

}  // namespace xr::engine
