// The filter gradient of a 3x3 convolution with stride 1 by Winograd's method: F(3x3, 4x4).
//
// x (N, C, H, W) and dy (N, O, H', W'), both blocked16. With dy cut into tiles of 4x4 and x into the 6x6
// patches that they meet, dF = sum over tiles of A^T [(B^T patch B) * (G tile G^T)] A, where * multiplies
// point by point and is, over channels, one product (C x tiles) (tiles x O) for each of the 36 points.
// B, G and A belong to the points 0, a, -a, b, -b and infinity (Lavin and Gray, "Fast Algorithms for
// Convolutional Neural Networks", arXiv:1509.09308, section 4), with a = 5/8 and b = 3/2: of the fractions of
// 16 these amplify rounding errors least but for one, 2.3 times less than the usual 1 and 2. G's constant
// divisors are moved into A.
//
// Operations: 2 * 36 for each tile, input and output channel instead of 2 * 144, and the transforms. Bytes:
// x and dy once. Any padding: tiles at the border are copied between zeros.
//
// Measured (ms of one thread, Zen 5 with AVX-512; oneDNN 2.6.3's Winograd, its direct kernel):
//   60 x 32 x 113 x 113 -> 64, padding 0    64   (124, 140); 35 in the products
//   60 x 32 x 56 x 56 -> 32, padding 1      11   (18, 18)
//   60 x 64 x 28 x 28 -> 64, padding 1      11   (13.5, 16.6)
//   60 x 128 x 14 x 14 -> 128               13   (13, 17.6): the sums leave the cache, so oneDNN keeps it
// Relative norm error against float64: 8e-7 for the first of these with normal x and dy (oneDNN's Winograd
// 8e-7, its direct kernel 8e-6).
#include "kernels/cpu/conv2d/conv2d.h"

#include <algorithm>
#include <array>
#include <vector>

#include "kernels/common/parallel.h"

namespace xr::kernels::cpu {
namespace {

constexpr std::int64_t lanes = 16;
constexpr std::int64_t points = 36;
constexpr std::int64_t tile = 4, patch = 6;  // pixels of dy and of x
constexpr std::int64_t max_pieces = 32;      // sums over parts of the batch, added up in order afterwards
constexpr std::int64_t sums_bytes = std::int64_t{1} << 20;          // of one piece: the second-level cache
constexpr std::int64_t transforms_bytes = std::int64_t{400} << 10;  // of one piece, beside the sums

using Vector = float __attribute__((vector_size(64), aligned(64), may_alias));
using Unaligned = float __attribute__((vector_size(64), aligned(4), may_alias));  // in the caller's memory

// How the work is cut; independent of the number of threads.
struct Plan {
  std::int64_t c, o, tiles_h, tiles_w;
  std::int64_t tiles;   // of the whole batch, row by row
  std::int64_t pieces;  // of these tiles
  std::int64_t chunk;   // tiles that are transformed, then multiplied

  explicit Plan(const Conv2dProblem& p)
      : c(p.in_channels),
        o(p.out_channels),
        tiles_h((p.out_h + tile - 1) / tile),
        tiles_w((p.out_w + tile - 1) / tile),
        tiles(p.batch * tiles_h * tiles_w),
        pieces(std::clamp<std::int64_t>(tiles / 32, 1, max_pieces)),
        chunk(std::max<std::int64_t>(1, transforms_bytes / (points * 4 * (c + o)))) {}

  [[nodiscard]] std::int64_t sums_size() const { return points * c * o + o; }  // the bias gradient at the end
  [[nodiscard]] std::int64_t transforms_size() const { return points * chunk * (c + o); }
};

// Rows of one image's block of 16 channels, some of which are outside.
struct Block {
  const float* data;
  std::int64_t height, width;
};

// The pixels (top.., left..) of extent x extent: in place, or in `copy` between zeros. Returns the row
// stride.
const float* window(const Block& block, std::int64_t top, std::int64_t left, std::int64_t extent, float* copy,
                    std::int64_t& row_stride) {
  if (top >= 0 && left >= 0 && top + extent <= block.height && left + extent <= block.width) {
    row_stride = block.width * lanes;
    return block.data + (top * block.width + left) * lanes;
  }
  row_stride = extent * lanes;
  std::fill_n(copy, extent * extent * lanes, 0.0f);
  const std::int64_t first = std::max<std::int64_t>(0, -left), last = std::min(extent, block.width - left);
  for (std::int64_t h = std::max<std::int64_t>(0, -top); h < std::min(extent, block.height - top); ++h)
    if (first < last)
      std::copy_n(block.data + ((top + h) * block.width + left + first) * lanes, (last - first) * lanes,
                  copy + (h * extent + first) * lanes);
  return copy;
}

constexpr float a = 0.625f, b = 1.5f;  // the points; all products below are exact
constexpr float aa = a * a, bb = b * b;

// One dimension of B^T: the values of `in` and `out` are in_step and out_step vectors apart.
template <class In>
[[gnu::always_inline]] inline void transform_patch_line(const In* in, Vector* out, int in_step,
                                                        int out_step) {
  const Vector x0 = in[0], x1 = in[in_step], x2 = in[2 * in_step], x3 = in[3 * in_step], x4 = in[4 * in_step],
               x5 = in[5 * in_step];
  const Vector even_a = x4 - bb * x2, odd_a = x3 - bb * x1;
  const Vector even_b = x4 - aa * x2, odd_b = x3 - aa * x1;
  out[0] = even_b - bb * (x2 - aa * x0);
  out[out_step] = even_a + a * odd_a;
  out[2 * out_step] = even_a - a * odd_a;
  out[3 * out_step] = even_b + b * odd_b;
  out[4 * out_step] = even_b - b * odd_b;
  out[5 * out_step] = x5 - aa * x3 - bb * odd_b;
}

// One dimension of G without its divisors.
template <class In>
[[gnu::always_inline]] inline void transform_tile_line(const In* in, Vector* out, int in_step, int out_step) {
  const Vector d0 = in[0], d1 = in[in_step], d2 = in[2 * in_step], d3 = in[3 * in_step];
  const Vector even_a = d0 + aa * d2, odd_a = d1 + aa * d3;
  const Vector even_b = d0 + bb * d2, odd_b = d1 + bb * d3;
  out[0] = d0;
  out[out_step] = even_a + a * odd_a;
  out[2 * out_step] = even_a - a * odd_a;
  out[3 * out_step] = even_b + b * odd_b;
  out[4 * out_step] = even_b - b * odd_b;
  out[5 * out_step] = d3;
}

// 16 channels of B^T patch B; the points of `out` are point_stride floats apart.
XR_MULTIVERSION void transform_patch(const float* x, std::int64_t row_stride, float* out,
                                     std::int64_t point_stride) {
  Vector rows[patch * patch], line[patch];
#pragma GCC unroll 6
  for (int h = 0; h < patch; ++h)
    transform_patch_line(reinterpret_cast<const Unaligned*>(x + h * row_stride), rows + h * patch, 1, 1);
#pragma GCC unroll 6
  for (int w = 0; w < patch; ++w) {
    transform_patch_line(rows + w, line, patch, 1);
#pragma GCC unroll 6
    for (int h = 0; h < patch; ++h)
      *reinterpret_cast<Vector*>(out + (h * patch + w) * point_stride) = line[h];
  }
}

// 16 channels of G tile G^T; the tile's sum is added to `sum`.
XR_MULTIVERSION void transform_tile(const float* dy, std::int64_t row_stride, float* out,
                                    std::int64_t point_stride, float* sum) {
  Vector rows[tile * patch], line[patch], total = {};
#pragma GCC unroll 4
  for (int h = 0; h < tile; ++h) {
    const auto* const row = reinterpret_cast<const Unaligned*>(dy + h * row_stride);
    transform_tile_line(row, rows + h * patch, 1, 1);
    total += (row[0] + row[1]) + (row[2] + row[3]);
  }
#pragma GCC unroll 6
  for (int w = 0; w < patch; ++w) {
    transform_tile_line(rows + w, line, patch, 1);
#pragma GCC unroll 6
    for (int h = 0; h < patch; ++h)
      *reinterpret_cast<Vector*>(out + (h * patch + w) * point_stride) = line[h];
  }
  *reinterpret_cast<Vector*>(sum) += total;
}

constexpr int block_c = 8, block_v = 2;  // accumulators in registers: 8 input channels, 2 x 16 outputs

// sums (c, o) += x^T (tiles, c) dy (tiles, o); c a multiple of 8, o of 32. Each chunk is added up on its own
// first: with hundreds of thousands of terms in a row the error would be four times as large.
XR_MULTIVERSION void multiply(const float* x, const float* dy, std::int64_t tiles, std::int64_t c,
                              std::int64_t o, float* sums) {
  for (std::int64_t o0 = 0; o0 < o; o0 += block_v * lanes)
    for (std::int64_t c0 = 0; c0 < c; c0 += block_c) {
      Vector total[block_c][block_v] = {};
      for (std::int64_t t = 0; t < tiles; ++t) {
        const float* const row = x + t * c + c0;
        const Vector d0 = *reinterpret_cast<const Vector*>(dy + t * o + o0);
        const Vector d1 = *reinterpret_cast<const Vector*>(dy + t * o + o0 + lanes);
#pragma GCC unroll 8
        for (int i = 0; i < block_c; ++i) {
          total[i][0] += d0 * row[i];
          total[i][1] += d1 * row[i];
        }
      }
      for (int i = 0; i < block_c; ++i)
        for (int v = 0; v < block_v; ++v)
          *reinterpret_cast<Vector*>(sums + (c0 + i) * o + o0 + v * lanes) += total[i][v];
    }
}

// Image and first row and column of dy of a tile.
struct Position {
  std::int64_t n, top, left;
};

// Transforms a chunk's patches to [point][tile][C] and its tiles to [point][tile][O]; adds these up in bias.
void transform(const Conv2dProblem& p, const float* x, const float* dy,
               const std::vector<Position>& positions, float* patches, float* gradients, float* bias) {
  alignas(64) std::array<float, patch * patch * lanes> copy;
  const auto tiles = static_cast<std::int64_t>(positions.size());
  const std::int64_t c = p.in_channels, o = p.out_channels;
  std::int64_t row_stride = 0;
  for (std::int64_t channel = 0; channel < c; channel += lanes)
    for (std::int64_t t = 0; t < tiles; ++t) {
      const auto [n, top, left] = positions[t];
      const Block input{x + (n * c + channel) * p.in_h * p.in_w, p.in_h, p.in_w};
      const float* const from =
          window(input, top - p.params.padding_h, left - p.params.padding_w, patch, copy.data(), row_stride);
      transform_patch(from, row_stride, patches + t * c + channel, tiles * c);
    }
  for (std::int64_t channel = 0; channel < o; channel += lanes)
    for (std::int64_t t = 0; t < tiles; ++t) {
      const auto [n, top, left] = positions[t];
      const Block output{dy + (n * o + channel) * p.out_h * p.out_w, p.out_h, p.out_w};
      const float* const from = window(output, top, left, tile, copy.data(), row_stride);
      transform_tile(from, row_stride, gradients + t * o + channel, tiles * o, bias + channel);
    }
}

// Sums over the tiles of one piece.
void add_piece(const Conv2dProblem& p, const Plan& plan, const float* x, const float* dy, std::int64_t piece,
               float* transforms, float* sums) {
  const std::int64_t c = plan.c, o = plan.o, last = plan.tiles * (piece + 1) / plan.pieces;
  std::fill_n(sums, plan.sums_size(), 0.0f);
  std::vector<Position> positions;
  for (std::int64_t first = plan.tiles * piece / plan.pieces; first < last; first += plan.chunk) {
    positions.clear();
    for (std::int64_t t = first; t < std::min(last, first + plan.chunk); ++t)
      positions.push_back(
          {t / plan.tiles_w / plan.tiles_h, t / plan.tiles_w % plan.tiles_h * tile, t % plan.tiles_w * tile});
    const auto tiles = static_cast<std::int64_t>(positions.size());
    float* const gradients = transforms + points * tiles * c;
    transform(p, x, dy, positions, transforms, gradients, sums + points * c * o);
    for (std::int64_t point = 0; point < points; ++point)
      multiply(transforms + point * tiles * c, gradients + point * tiles * o, tiles, c, o,
               sums + point * c * o);
  }
}

// A^T m A with G's divisors, for one pair of channels; m in double precision.
std::array<double, 9> filter_of(const std::array<double, points>& m) {
  constexpr double n0 = aa * bb, na = 2 * aa * (aa - bb), nb = 2 * bb * (bb - aa);
  constexpr double transform[3][patch] = {{1 / n0, 1 / na, 1 / na, 1 / nb, 1 / nb, 0},
                                          {0, a / na, -a / na, b / nb, -b / nb, 0},
                                          {0, aa / na, aa / na, bb / nb, bb / nb, 1}};
  std::array<double, 9> filter{};
  for (int i = 0; i < 3; ++i)
    for (int w = 0; w < patch; ++w) {
      double column = 0;
      for (int h = 0; h < patch; ++h) column += transform[i][h] * m[h * patch + w];
      for (int j = 0; j < 3; ++j) filter[i * 3 + j] += column * transform[j][w];
    }
  return filter;
}

// Adds up the pieces in order.
void add_pieces(const Plan& plan, const float* sums, double* total) {
  parallel_ranges(plan.sums_size(), 4096, [&](std::int64_t begin, std::int64_t end) {
    std::fill(total + begin, total + end, 0.0);
    for (std::int64_t piece = 0; piece < plan.pieces; ++piece)
      for (std::int64_t i = begin; i < end; ++i)
        total[i] += static_cast<double>(sums[piece * plan.sums_size() + i]);
  });
}

void write_gradients(const Plan& plan, const double* total, float* d_filter, float* d_bias,
                     GradientWrite write) {
  parallel_for(plan.c, [&](std::int64_t c) {
    std::array<double, points> m;
    for (std::int64_t o = 0; o < plan.o; ++o) {
      for (std::int64_t point = 0; point < points; ++point)
        m[point] = total[(point * plan.c + c) * plan.o + o];
      const std::array<double, 9> filter = filter_of(m);
      for (int i = 0; i < 9; ++i) write_gradient(filter[i], d_filter + (o * plan.c + c) * 9 + i, write);
    }
  });
  if (d_bias == nullptr) return;
  for (std::int64_t o = 0; o < plan.o; ++o)
    write_gradient(total[points * plan.c * plan.o + o], d_bias + o, write);
}

// The accumulators fill 16 AVX-512 registers; narrower vectors would spill them, and oneDNN is faster then.
// Sanitizer builds are for checking, not for speed.
bool has_fitting_registers() {
#if defined(XR_SANITIZED)
  return true;
#elif XR_HAS_MULTIVERSION
  return __builtin_cpu_supports("avx512f") != 0;
#else
  return false;
#endif
}

}  // namespace

bool has_winograd_backward_filter(const Conv2dProblem& p) {
  const Conv2dParams& q = p.params;
  return has_fitting_registers() && p.kernel_h == 3 && p.kernel_w == 3 && q.stride_h == 1 &&
         q.stride_w == 1 && q.dilation_h == 1 && q.dilation_w == 1 && q.groups == 1 &&
         p.x_layout == Layout::blocked16 && p.y_layout == Layout::blocked16 && p.out_channels % 32 == 0 &&
         points * p.in_channels * p.out_channels * 4 <= sums_bytes && p.batch * p.out_h * p.out_w >= 1024;
}

void winograd_backward_filter(OneDnn& one_dnn, const Conv2dProblem& problem, const float* x, const float* dy,
                              float* d_filter, float* d_bias, GradientWrite write) {
  const Plan plan(problem);
  float* const sums = one_dnn.temporary(Temporary::partial_sums, plan.pieces * plan.sums_size());
  float* const transforms = one_dnn.temporary(Temporary::transforms, plan.pieces * plan.transforms_size());
  parallel_for(plan.pieces, [&](std::int64_t piece) {
    add_piece(problem, plan, x, dy, piece, transforms + piece * plan.transforms_size(),
              sums + piece * plan.sums_size());
  });
  auto* const total = reinterpret_cast<double*>(one_dnn.temporary(Temporary::total, 2 * plan.sums_size()));
  add_pieces(plan, sums, total);
  write_gradients(plan, total, d_filter, d_bias, write);
}

}  // namespace xr::kernels::cpu
