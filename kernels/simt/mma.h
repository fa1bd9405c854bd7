// Tensor cores: the warp-wide matrix products and loads of PTX, with its register layouts (PTX ISA, "Matrix
// Fragments for mma.m16n8k8", "... m16n8k16", "ldmatrix").
#pragma once

#include <cstdint>

#include "kernels/common/bf16.h"
#include "kernels/simt/executor.h"

// Sums are exact but for one rounding, Config::mma_sum. A GPU's order of adding and its width between are not public.

namespace xr::kernels::simt {

/// cvt.rna.tf32.f32: to 10 bits of mantissa, to the nearest, halves away from zero.
std::uint32_t to_tf32(float value);

/// cvt.rn.bf16x2.f32: two floats to the nearest bf16, ties to even, `low` in the low half.
inline std::uint32_t pack_bf16(float low, float high) {
  return from_float<Bf16>(low).bits | static_cast<std::uint32_t>(from_float<Bf16>(high).bits) << 16;
}

/// d (16x8) = a (16x8) b (8x8) + c (16x8); the low 13 bits of a and b are ignored.
void mma_m16n8k8_tf32(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                      const float (&c)[4], const char* file = __builtin_FILE(), int line = __builtin_LINE());

/// d (16x8) = a (16x16) b (16x8) + c (16x8); a register holds two bfloat16, the lower column (a) or row (b)
/// in the low half.
void mma_m16n8k16_bf16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                       const float (&c)[4], const char* file = __builtin_FILE(), int line = __builtin_LINE());

/// Four 8x8 matrices of 16-bit elements: lane l has the address of row l % 8 of matrix l / 8, a multiple of
/// 16, and gets elements (l / 4, 2 (l % 4)) and the one right of it of each matrix; transposed with _trans.
/// The _x2 forms use the addresses of lanes 0 to 15.
void ldmatrix_x4(std::uint32_t (&r)[4], const void* row, const char* file = __builtin_FILE(),
                 int line = __builtin_LINE());
void ldmatrix_x4_trans(std::uint32_t (&r)[4], const void* row, const char* file = __builtin_FILE(),
                       int line = __builtin_LINE());
void ldmatrix_x2(std::uint32_t (&r)[2], const void* row, const char* file = __builtin_FILE(),
                 int line = __builtin_LINE());
void ldmatrix_x2_trans(std::uint32_t (&r)[2], const void* row, const char* file = __builtin_FILE(),
                       int line = __builtin_LINE());

}  // namespace xr::kernels::simt
