// c (m, n) = or += op(a) (m, k) op(b) (k, n) [+ bias (n)]: what matmul and linear ask of the tensor cores.
//
// Bytes: a, b and c once (c twice when it accumulates). Operations: 2 m n k.
#pragma once

#include <cstdint>

#include "kernels/cuda/kernel_backend.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

/// Row-major matrices, f32 or bf16; bias f32 or null. With a bf16 operand the products are those of bf16
/// numbers, else as BackendOptions::precision says (bf16 then means TF32).
struct Gemm {
  std::int64_t m, n, k;
  ConstView a, b;
  bool transpose_a, transpose_b;
  const float* bias;
  View c;
  GradientWrite write;
  std::int64_t bytes;  ///< of the operation
};

/// Whether these kernels are made for a product of these extents: one is that of a batch (or of classes), so that
/// reading the large operand once is all the work.
[[nodiscard]] bool is_skinny(std::int64_t m, std::int64_t n, std::int64_t k);

/// m, n and k are at least 1.
void run_gemm(KernelBackend& backend, const Gemm& gemm);

// Of the two that follow, in files of their own because they take long to compile:
void run_gemm_f32(KernelBackend& backend, const Gemm& gemm);
void run_gemm_bf16(KernelBackend& backend, const Gemm& gemm);

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
