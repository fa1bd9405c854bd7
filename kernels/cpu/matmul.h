// Products of matrices, shared by matmul and linear_forward.
#pragma once

#include <cstdint>

#include "kernels/common/types.h"
#include "kernels/cpu/primitives.h"

namespace xr::kernels::cpu {

/// c (m, n) = or += op(a) (m, k) op(b) (k, n) [+ bias (n)], all row-major, op transposing if so flagged.
struct MatmulProblem {
  std::int64_t m = 0, n = 0, k = 0;
  bool transpose_a = false, transpose_b = false;
  bool has_bias = false;
  GradientWrite write = GradientWrite::overwrite;
};

/// The caller holds one_dnn.mutex(). m, n and k are at least 1.
void run_matmul(OneDnn& one_dnn, const MatmulProblem& problem, const float* a, const float* b,
                const float* bias, float* c);

}  // namespace xr::kernels::cpu
