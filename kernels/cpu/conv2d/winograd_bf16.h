// Winograd's transforms of activations in bf16, for conv2d_winograd_bf16.cpp and conv2d_winograd_bf16_filter.cpp.
//
// Points 0, 1, -1 and infinity in both directions: 16 points for patches of 4x4 pixels, tiles of 2x2 and filters of 3x3.
// Tensors are blocked16.
#pragma once

#include <cstdint>

#include "kernels/cpu/avx512.h"

namespace xr::kernels::cpu::winograd {

using avx512::lanes;                        // channels of a block
inline constexpr std::int64_t points = 16;  // of a transform
inline constexpr int tile = 2, patch = 4;   // pixels
/// Bytes between the points of what is transformed, so that they do not all lie in the same set of a cache.
inline constexpr std::int64_t point_gap = 64;

/// Tiles of a batch, row by row; those at the end of a row or column may stand out.
struct TileGrid {
  std::int64_t batch, rows, columns;

  TileGrid(std::int64_t batch_in, std::int64_t height, std::int64_t width)
      : batch(batch_in), rows((height + tile - 1) / tile), columns((width + tile - 1) / tile) {}
  [[nodiscard]] std::int64_t count() const { return batch * rows * columns; }
};

struct TilePosition {
  std::int64_t n, row, column;

  TilePosition(const TileGrid& grid, std::int64_t t)
      : n(t / grid.columns / grid.rows), row(t / grid.columns % grid.rows), column(t % grid.columns) {}

  void advance(const TileGrid& grid) {
    if (++column < grid.columns) return;
    column = 0;
    if (++row < grid.rows) return;
    row = 0;
    ++n;
  }
};

/// One block of 16 channels of an image.
struct Plane {
  const Bf16* data;
  std::int64_t height, width;
};

/// Of (N, C, H, W) in blocked16.
struct Activation {
  const Bf16* data;
  std::int64_t blocks, height, width;

  [[nodiscard]] Plane plane(std::int64_t n, std::int64_t block) const {
    return {data + (n * blocks + block) * height * width * lanes, height, width};
  }
};

#if XR_HAS_AVX512

using avx512::load;
using avx512::store;
using avx512::Vector;
using avx512::Words;

inline constexpr __mmask16 nine_taps = 0x1FF;

/// In place.
XR_AVX512_BF16 [[gnu::always_inline]] inline void transpose(Vector (&rows)[lanes]) {
  constexpr unsigned size = lanes;
#pragma GCC unroll 4
  for (unsigned step = size / 2; step > 0; step /= 2) {
    Words low, high;  // which elements of two rows, one behind the other, make up the new ones
#pragma GCC unroll 16
    for (unsigned i = 0; i < size; ++i) {
      low[i] = (i & step) != 0 ? size + i - step : i;
      high[i] = (i & step) != 0 ? size + i : i + step;
    }
#pragma GCC unroll 16
    for (unsigned i = 0; i < size; ++i) {
      if ((i & step) != 0) continue;
      const auto a = reinterpret_cast<__m512>(rows[i]), b = reinterpret_cast<__m512>(rows[i + step]);
      rows[i] = reinterpret_cast<Vector>(_mm512_permutex2var_ps(a, reinterpret_cast<__m512i>(low), b));
      rows[i + step] =
          reinterpret_cast<Vector>(_mm512_permutex2var_ps(a, reinterpret_cast<__m512i>(high), b));
    }
  }
}

/// Lane by lane both values, rounded, `even` first: what an instruction multiplies and adds at a time.
XR_AVX512_BF16 [[gnu::always_inline]] inline Words rounded_pair(Vector even, Vector odd) {
  return avx512::widened(avx512::rounded(even)) | avx512::widened(avx512::rounded(odd)) << 16;
}

XR_AVX512_BF16 [[gnu::always_inline]] inline Vector pixel(const Plane& plane, std::int64_t h,
                                                          std::int64_t w) {
  return h >= 0 && h < plane.height && w >= 0 && w < plane.width
             ? load(plane.data + (h * plane.width + w) * lanes)
             : Vector{};
}

/// B^T of four values.
XR_AVX512_BF16 [[gnu::always_inline]] inline void transform_line(Vector d0, Vector d1, Vector d2, Vector d3,
                                                                 Vector* to) {
  to[0] = d0 - d2;
  to[1] = d1 + d2;
  to[2] = d2 - d1;
  to[3] = d1 - d3;
}

/// B^T patch B of one block of channels, tile after tile. The last two columns of a patch are the first two of its right
/// neighbour's.
class PatchTransform {
 public:
  /// (top, left): where the patch of the tile (0, 0) begins.
  PatchTransform(const Activation& x, std::int64_t block, std::int64_t top, std::int64_t left)
      : x_(x), block_(block), top_(top), left_(left) {}

  /// `at` advances by one tile from call to call. result[4 i + j]: point (i, j).
  XR_AVX512_BF16 [[gnu::always_inline]] inline void next(const TilePosition& at, Vector* result) {
    const std::int64_t top = at.row * tile + top_, left = at.column * tile + left_;
    const Plane plane = x_.plane(at.n, block_);
    if (at.column == 0 || !begun_) {
      read_column(plane, top, left, columns_[0]);
      read_column(plane, top, left + 1, columns_[1]);
      begun_ = true;
    } else {
      for (int h = 0; h < patch; ++h) {
        columns_[0][h] = columns_[2][h];
        columns_[1][h] = columns_[3][h];
      }
    }
    read_column(plane, top, left + 2, columns_[2]);
    read_column(plane, top, left + 3, columns_[3]);
    for (int h = 0; h < patch; ++h)
      transform_line(columns_[0][h], columns_[1][h], columns_[2][h], columns_[3][h], result + h * patch);
  }

 private:
  XR_AVX512_BF16 [[gnu::always_inline]] static inline void read_column(const Plane& plane, std::int64_t top,
                                                                       std::int64_t w, Vector* to) {
    if (top >= 0 && top + patch <= plane.height && w >= 0 && w < plane.width) {
      const Bf16* const from = plane.data + (top * plane.width + w) * lanes;
      const std::int64_t row = plane.width * lanes;
      transform_line(load(from), load(from + row), load(from + 2 * row), load(from + 3 * row), to);
    } else {
      transform_line(pixel(plane, top, w), pixel(plane, top + 1, w), pixel(plane, top + 2, w),
                     pixel(plane, top + 3, w), to);
    }
  }

  Activation x_;
  std::int64_t block_, top_, left_;
  Vector columns_[patch][patch] = {};
  bool begun_ = false;
};

#endif

}  // namespace xr::kernels::cpu::winograd
