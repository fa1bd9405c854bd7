// Where a NaN goes in a convolution: to the results that see it, and no further.
#pragma once

#include "tests/ops/operation.h"

namespace xr::tests {

[[nodiscard]] Suite<Checker> conv2d_nan_checks();
[[nodiscard]] Suite<Checker> conv2d_filter_nan_checks();

}  // namespace xr::tests
