#pragma once

#include "engine/ops/conv2d.h"
#include "engine/ops/max_pool2d.h"

namespace xr::engine {

/// max_pool2d(conv2d_constant(x, constant, params, relu = true), pool). On a CPU some images at a time, so that what lies
/// between the two stays in its caches.
[[nodiscard]] Tensor conv2d_relu_max_pool2d(const Tensor& x, const ConstantFilter& constant,
                                            const Conv2dParams& params, const Pool2dParams& pool = {});

}  // namespace xr::engine
