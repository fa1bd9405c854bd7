// Products of matrices, shared by matmul and linear_forward.
#pragma once

#include <cstdint>

#include "kernels/common/types.h"
#include "kernels/cpu/primitives.h"

namespace xr::kernels::cpu {

/// c (m, n) = or += op(a) (m, k) op(b) (k, n) [+ bias (n)], all row-major, op transposing if so flagged. Where a or b is
/// bf16, the other one is rounded to bf16; sums are f32. Where `count` is not 1, so many products of matrices that lie one
/// behind the other, without a bias; threads share them.
struct MatmulProblem {
  std::int64_t count = 1;
  std::int64_t m = 0, n = 0, k = 0;
  bool transpose_a = false, transpose_b = false;
  bool has_bias = false;
  GradientWrite write = GradientWrite::overwrite;
  DType a = DType::f32, b = DType::f32, c = DType::f32;
};

/// bias is f32 or null. While the caller holds a OneDnn::Call. m, n and k are at least 1.
void run_matmul(OneDnn& one_dnn, const MatmulProblem& problem, const void* a, const void* b,
                const float* bias, void* c);

}  // namespace xr::kernels::cpu
