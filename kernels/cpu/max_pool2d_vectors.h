// Max pooling of 16 lanes at a time with AVX-512, for max_pool2d.cpp, which has the same in portable loops: the bytes are the
// same. Some outputs next to each other are taken through their taps together, so that comparisons do not wait for each other.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "kernels/cpu/avx512.h"

namespace xr::kernels::cpu::pool {

using avx512::lanes;

/// Outputs of one row, and the rows of x under it: [rows][in_width][lanes].
struct OutputRow {
  std::int64_t first_tap, rows;  // of the window's rows in the image: the first one's first tap, and how many
  std::int64_t kernel_w, stride_w, padding_w, in_width, out_width, lanes;
};

#if XR_HAS_AVX512

using avx512::load;
using avx512::Vector;
using avx512::Words;

XR_AVX512 [[gnu::always_inline]] inline Words is_nan(Vector values) {
  return reinterpret_cast<Words>(values != values);  // NOLINT(misc-redundant-expression): NaN is not itself
}

XR_AVX512 [[gnu::always_inline]] inline void put(float* to, Vector values) {
  avx512::store(to, values);
}
/// Numbers of bf16, or NaN, which becomes the one that from_float makes.
XR_AVX512 [[gnu::always_inline]] inline void put(Bf16* to, Vector values) {
  const Words bits = reinterpret_cast<Words>(values) >> 16;
  avx512::narrow_to(&to->bits, is_nan(values) != 0 ? Words{} + 0x7FC0u : bits);
}

/// `Outputs` outputs from `output` on, 16 lanes of each, whose taps [first, last) of a kernel row lie in the image.
template <int Outputs, bool HasWinner, class T, class Index>
XR_AVX512 [[gnu::always_inline]] inline void pool_outputs(const OutputRow& w, std::int64_t output,
                                                          std::int64_t first, std::int64_t last, const T* x,
                                                          T* y, Index* argmax) {
  const std::int64_t left = output * w.stride_w - w.padding_w, step = w.stride_w * w.lanes;
  Vector best[Outputs];
  Words winner[Outputs];
#pragma GCC unroll 8
  for (int i = 0; i < Outputs; ++i) {
    best[i] = Vector{} - std::numeric_limits<float>::infinity();
    winner[i] = Words{} + static_cast<std::uint32_t>(w.first_tap + first);
  }
  for (std::int64_t row = 0; row < w.rows; ++row)
    for (std::int64_t column = first; column < last; ++column) {
      const T* const from = x + (row * w.in_width + left + column) * w.lanes;
      const Words tap = Words{} + static_cast<std::uint32_t>(w.first_tap + row * w.kernel_w + column);
      // The rows that the next outputs will read.
      __builtin_prefetch(from + w.rows * w.in_width * w.lanes);
      __builtin_prefetch(from + w.rows * w.in_width * w.lanes + 2 * step);
#pragma GCC unroll 8
      for (int i = 0; i < Outputs; ++i) {
        const Vector value = load(from + i * step);
        const Words take = reinterpret_cast<Words>(value > best[i]) | is_nan(value);
        best[i] = take != 0 ? value : best[i];
        if constexpr (HasWinner) winner[i] = take != 0 ? tap : winner[i];
      }
    }
#pragma GCC unroll 8
  for (int i = 0; i < Outputs; ++i) {
    put(y + (output + i) * w.lanes, best[i]);
    if constexpr (HasWinner) avx512::narrow_to(argmax + (output + i) * w.lanes, winner[i]);
  }
}

/// `argmax` may be null; `HasWinner` tells.
template <bool HasWinner, class T, class Index>
XR_AVX512 void pool_row(const OutputRow& w, const T* x, T* y, Index* argmax) {
  constexpr int together = 4;
  for (std::int64_t lane = 0; lane < w.lanes; lane += lanes) {
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

/// row[pixel] += dy of the outputs whose winner is `tap`; dy and argmax have `count`, row `step` elements per output.
template <class T, class Index>
XR_AVX512 void add_selected(const T* dy, const Index* argmax, std::int64_t tap, std::int64_t pixels,
                            std::int64_t count, float* row, std::int64_t step) {
  const Words wanted = Words{} + static_cast<std::uint32_t>(tap);
  for (std::int64_t p = 0; p < pixels; ++p)
    for (std::int64_t lane = 0; lane < count; lane += lanes) {
      const Vector gradient = load(dy + p * count + lane);
      float* const to = row + p * step + lane;
      put(to, load(to) + (avx512::widened(argmax + p * count + lane) == wanted ? gradient : Vector{}));
    }
}

#else

template <bool HasWinner, class T, class Index>
void pool_row(const OutputRow&, const T*, T*, Index*) {}
template <class T, class Index>
void add_selected(const T*, const Index*, std::int64_t, std::int64_t, std::int64_t, float*, std::int64_t) {}

#endif

}  // namespace xr::kernels::cpu::pool
