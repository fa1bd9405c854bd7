#pragma once

#include "engine/core/tensor.h"

namespace xr::engine {

/// NumPy's common shape of two; throws Error, in the name of `operation`, where there is none.
[[nodiscard]] Shape broadcast_shape(const char* operation, const Shape& a, const Shape& b);

}  // namespace xr::engine
