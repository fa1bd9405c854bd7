// bf16 convolutions on the CPU: its own kernels and oneDNN's, in every pair of layouts.
#pragma once

#include "tests/ops/operation.h"

namespace xr::tests {

/// "conv2d in bf16 on the CPU"
[[nodiscard]] Suite<Checker> conv2d_cpu_bf16_checks();

}  // namespace xr::tests
