// Max pooling of 16 lanes at a time with AVX-512, for max_pool2d.cpp, which has the same in portable loops: the bytes are the
// same. Some outputs next to each other are taken through their taps together, so that comparisons do not wait for each other.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "kernels/common/bf16.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define XR_HAS_POOL_VECTORS 1
#define XR_AVX512 [[gnu::target("avx512f,avx512bw,avx512dq,avx512vl")]]
#else
#define XR_HAS_POOL_VECTORS 0
#endif

namespace xr::kernels::cpu::pool {

inline constexpr std::int64_t vector_lanes = 16;

/// Outputs of one row, and the rows of x under it: [rows][in_width][lanes].
struct OutputRow {
  std::int64_t first_tap, rows;  // of the window's rows in the image: the first one's first tap, and how many
  std::int64_t kernel_w, stride_w, padding_w, in_width, out_width, lanes;
};

#if XR_HAS_POOL_VECTORS

using Floats = float __attribute__((vector_size(64), aligned(4), may_alias));
using Ints = std::int32_t __attribute__((vector_size(64), aligned(4), may_alias));
using Words = std::uint32_t __attribute__((vector_size(64), aligned(4), may_alias));

/// Whether this processor has the instructions.
inline bool has_vectors() {
  static const bool supported =
      __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
      __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0;
  return supported;
}

// gcc 12 makes many instructions of __builtin_convertvector, and warns of what the intrinsics without masks leave undefined.
inline constexpr __mmask16 all_lanes = 0xFFFF;

XR_AVX512 [[gnu::always_inline]] inline Floats get(const float* from) {
  return *reinterpret_cast<const Floats*>(from);
}
XR_AVX512 [[gnu::always_inline]] inline Ints get(const std::uint8_t* from) {
  return reinterpret_cast<Ints>(
      _mm512_maskz_cvtepu8_epi32(all_lanes, _mm_loadu_si128(reinterpret_cast<const __m128i_u*>(from))));
}
XR_AVX512 [[gnu::always_inline]] inline Ints get(const std::uint16_t* from) {
  return reinterpret_cast<Ints>(
      _mm512_maskz_cvtepu16_epi32(all_lanes, _mm256_loadu_si256(reinterpret_cast<const __m256i_u*>(from))));
}
XR_AVX512 [[gnu::always_inline]] inline Floats get(const Bf16* from) {
  return reinterpret_cast<Floats>(get(&from->bits) << 16);
}

XR_AVX512 [[gnu::always_inline]] inline void put(float* to, Floats values) {
  *reinterpret_cast<Floats*>(to) = values;
}
XR_AVX512 [[gnu::always_inline]] inline void put(std::uint8_t* to, Ints values) {
  _mm_storeu_si128(reinterpret_cast<__m128i_u*>(to),
                   _mm512_maskz_cvtepi32_epi8(all_lanes, reinterpret_cast<__m512i>(values)));
}
XR_AVX512 [[gnu::always_inline]] inline void put(std::uint16_t* to, Ints values) {
  _mm256_storeu_si256(reinterpret_cast<__m256i_u*>(to),
                      _mm512_maskz_cvtepi32_epi16(all_lanes, reinterpret_cast<__m512i>(values)));
}
/// Numbers of bf16, or NaN, which becomes the one that from_float makes.
XR_AVX512 [[gnu::always_inline]] inline void put(Bf16* to, Floats values) {
  const Words bits = reinterpret_cast<Words>(values) >> 16;
  // NOLINTNEXTLINE(misc-redundant-expression): NaN is not itself
  put(&to->bits, reinterpret_cast<Ints>(values != values ? Words{} + 0x7FC0u : bits));
}

/// `Outputs` outputs from `output` on, 16 lanes of each, whose taps [first, last) of a kernel row lie in the image.
template <int Outputs, bool HasWinner, class T, class Index>
XR_AVX512 [[gnu::always_inline]] inline void pool_outputs(const OutputRow& w, std::int64_t output,
                                                          std::int64_t first, std::int64_t last, const T* x,
                                                          T* y, Index* argmax) {
  const std::int64_t left = output * w.stride_w - w.padding_w, step = w.stride_w * w.lanes;
  Floats best[Outputs];
  Ints winner[Outputs];
#pragma GCC unroll 8
  for (int i = 0; i < Outputs; ++i) {
    best[i] = Floats{} - std::numeric_limits<float>::infinity();
    winner[i] = Ints{} + static_cast<std::int32_t>(w.first_tap + first);
  }
  for (std::int64_t row = 0; row < w.rows; ++row)
    for (std::int64_t column = first; column < last; ++column) {
      const T* const from = x + (row * w.in_width + left + column) * w.lanes;
      const Ints tap = Ints{} + static_cast<std::int32_t>(w.first_tap + row * w.kernel_w + column);
      // The rows that the next outputs will read.
      __builtin_prefetch(from + w.rows * w.in_width * w.lanes);
      __builtin_prefetch(from + w.rows * w.in_width * w.lanes + 2 * step);
#pragma GCC unroll 8
      for (int i = 0; i < Outputs; ++i) {
        const Floats value = get(from + i * step);
        // NOLINTNEXTLINE(misc-redundant-expression): NaN is not itself
        const Ints take = (value > best[i]) | (value != value);
        best[i] = take ? value : best[i];
        if constexpr (HasWinner) winner[i] = take ? tap : winner[i];
      }
    }
#pragma GCC unroll 8
  for (int i = 0; i < Outputs; ++i) {
    put(y + (output + i) * w.lanes, best[i]);
    if constexpr (HasWinner) put(argmax + (output + i) * w.lanes, winner[i]);
  }
}

/// `argmax` may be null; `HasWinner` tells.
template <bool HasWinner, class T, class Index>
XR_AVX512 void pool_row(const OutputRow& w, const T* x, T* y, Index* argmax) {
  constexpr int together = 4;
  for (std::int64_t lane = 0; lane < w.lanes; lane += vector_lanes) {
    const T* const from = x + lane;
    T* const to = y + lane;
    Index* const winner = HasWinner ? argmax + lane : nullptr;
    for (std::int64_t output = 0; output < w.out_width;) {
      const std::int64_t left = output * w.stride_w - w.padding_w,
                         right = left + (together - 1) * w.stride_w + w.kernel_w;
      if (left >= 0 && right <= w.in_width && output + together <= w.out_width) {
        pool_outputs<together, HasWinner>(w, output, 0, w.kernel_w, from, to, winner);
        output += together;
      } else {
        pool_outputs<1, HasWinner>(w, output, std::max<std::int64_t>(0, -left),
                                   std::min(w.kernel_w, w.in_width - left), from, to, winner);
        ++output;
      }
    }
  }
}

/// row[pixel] += dy of the outputs whose winner is `tap`; dy and argmax have `lanes`, row `step` elements per output.
template <class T, class Index>
XR_AVX512 void add_selected(const T* dy, const Index* argmax, std::int64_t tap, std::int64_t pixels,
                            std::int64_t lanes, float* row, std::int64_t step) {
  const Ints wanted = Ints{} + static_cast<std::int32_t>(tap);
  for (std::int64_t p = 0; p < pixels; ++p)
    for (std::int64_t lane = 0; lane < lanes; lane += vector_lanes) {
      const Floats gradient = get(dy + p * lanes + lane);
      float* const to = row + p * step + lane;
      put(to, get(to) + (get(argmax + p * lanes + lane) == wanted ? gradient : Floats{}));
    }
}

#else

inline bool has_vectors() {
  return false;
}
template <bool HasWinner, class T, class Index>
void pool_row(const OutputRow&, const T*, T*, Index*) {}
template <class T, class Index>
void add_selected(const T*, const Index*, std::int64_t, std::int64_t, std::int64_t, float*, std::int64_t) {}

#endif

}  // namespace xr::kernels::cpu::pool
