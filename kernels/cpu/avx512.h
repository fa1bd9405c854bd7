// Vectors of 16 floats for kernels that are written for AVX-512, where gcc 12 makes poor code of portable loops.
//
// A function with XR_AVX512 or XR_AVX512_BF16 may run only where has_avx512() or has_avx512_bf16() is true, and code that uses
// them is compiled only with XR_HAS_AVX512.
#pragma once

#include <cstdint>

#include "kernels/common/bf16.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define XR_HAS_AVX512 1
#define XR_AVX512 [[gnu::target("avx512f,avx512bw,avx512dq,avx512vl")]]
#define XR_AVX512_BF16 [[gnu::target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16")]]
#else
#define XR_HAS_AVX512 0
#endif

namespace xr::kernels::cpu::avx512 {

inline constexpr std::int64_t lanes = 16;

#if XR_HAS_AVX512

inline bool has_avx512() {
  static const bool supported =
      __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
      __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0;
  return supported;
}
inline bool has_avx512_bf16() {
  static const bool supported = has_avx512() && __builtin_cpu_supports("avx512bf16") != 0;
  return supported;
}

using Vector = float __attribute__((vector_size(64), aligned(64), may_alias));
using Words = std::uint32_t __attribute__((vector_size(64), aligned(64), may_alias));

// Memory may lie anywhere. gcc 12 makes many instructions of __builtin_convertvector, and warns of what intrinsics without
// masks leave undefined.
inline constexpr __mmask16 all_lanes = 0xFFFF;

XR_AVX512 [[gnu::always_inline]] inline Words widened(__m256i values) {
  return reinterpret_cast<Words>(_mm512_maskz_cvtepu16_epi32(all_lanes, values));
}
XR_AVX512 [[gnu::always_inline]] inline Words widened(const std::uint16_t* from) {
  return widened(_mm256_loadu_si256(reinterpret_cast<const __m256i_u*>(from)));
}
XR_AVX512 [[gnu::always_inline]] inline Words widened(const std::uint8_t* from) {
  return reinterpret_cast<Words>(
      _mm512_maskz_cvtepu8_epi32(all_lanes, _mm_loadu_si128(reinterpret_cast<const __m128i_u*>(from))));
}
XR_AVX512 [[gnu::always_inline]] inline void narrow_to(std::uint16_t* to, Words values) {
  _mm256_storeu_si256(reinterpret_cast<__m256i_u*>(to),
                      _mm512_maskz_cvtepi32_epi16(all_lanes, reinterpret_cast<__m512i>(values)));
}
XR_AVX512 [[gnu::always_inline]] inline void narrow_to(std::uint8_t* to, Words values) {
  _mm_storeu_si128(reinterpret_cast<__m128i_u*>(to),
                   _mm512_maskz_cvtepi32_epi8(all_lanes, reinterpret_cast<__m512i>(values)));
}

XR_AVX512 [[gnu::always_inline]] inline Vector load(const float* from) {
  return reinterpret_cast<Vector>(_mm512_loadu_ps(from));
}
XR_AVX512 [[gnu::always_inline]] inline Vector load(const Bf16* from) {
  return reinterpret_cast<Vector>(widened(&from->bits) << 16);
}
XR_AVX512 [[gnu::always_inline]] inline void store(float* to, Vector values) {
  _mm512_storeu_ps(to, reinterpret_cast<__m512>(values));
}

/// Two numbers of bf16 in each lane.
using Pairs = __m512bh;

/// To nearest, ties to even.
XR_AVX512_BF16 [[gnu::always_inline]] inline __m256i rounded(Vector values) {
  return reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(reinterpret_cast<__m512>(values)));
}
XR_AVX512_BF16 [[gnu::always_inline]] inline void store(Bf16* to, Vector values) {
  _mm256_storeu_si256(reinterpret_cast<__m256i_u*>(to), rounded(values));
}

#else

inline bool has_avx512() {
  return false;
}
inline bool has_avx512_bf16() {
  return false;
}

#endif

}  // namespace xr::kernels::cpu::avx512
