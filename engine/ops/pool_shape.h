#pragma once

#include "engine/core/tensor.h"

namespace xr::engine {

/// Shape of a pooled (N, C, H, W). Throws Error, in the name of `operation`, where parameters make no sense
/// or, with the code image_too_small, the window is larger than the padded input.
[[nodiscard]] Shape pooled_shape(const char* operation, const Shape& x, const kernels::Pool2dParams& params);

}  // namespace xr::engine
