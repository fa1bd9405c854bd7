// What a forward convolution does besides its sums: a residual, ReLU, filters that are kept by number.
#pragma once

#include "tests/ops/operation.h"

namespace xr::tests {

/// "conv2d forward with residual and ReLU"
[[nodiscard]] Suite<Checker> conv2d_epilogue_checks();
/// "conv2d of numbered filters"
[[nodiscard]] Suite<Checker> conv2d_numbered_filter_checks();

}  // namespace xr::tests
