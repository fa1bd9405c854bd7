// The filter gradient of a 3x3 convolution with stride 1 in bf16 by Winograd's method: F(3x3, 2x2).
//
// x (N, C, H, W) and dy (N, O, H', W'), both blocked16. With dy cut into tiles of 2x2 and x into the 4x4 patches that they
// meet, d_filter = sum over tiles of A^T [(B^T patch B) * (G tile G^T)] A, where * multiplies point by point and is, over
// channels, one product (C x tiles) (tiles x O) for each of the 16 points. Patches are transformed as in
// conv2d_winograd_bf16.cpp; source there.
//
// Rounding: both transforms are rounded to bf16, sums are f32. With independent x and dy the error of an element is 1.4 (the
// tap in the middle) to 2.8 (corners) roundings of its standard deviation.
//
// Where the sums of all points fit into the second-level cache, beside some tiles, each piece of the batch has sums of its own,
// which are added in order. Otherwise threads share the points of one sum, and more tiles are transformed at a time, so that
// sums are seldom read and written.
#include <algorithm>

#include "kernels/common/parallel.h"
#include "kernels/cpu/conv2d/conv2d.h"
#include "kernels/cpu/conv2d/winograd_bf16.h"

namespace xr::kernels::cpu {

#if XR_HAS_AVX512

namespace winograd {
namespace {

constexpr std::int64_t max_pieces = 16;
constexpr std::int64_t piece_sums_bytes = std::int64_t{300} << 10;  // more: one piece
constexpr std::int64_t piece_tiles_bytes = std::int64_t{560}
                                           << 10;  // of transforms, in the second-level cache
constexpr std::int64_t shared_tiles_bytes = std::int64_t{8} << 20;  // in the third-level cache
constexpr std::int64_t pairs_at_a_time =
    96;  // of a product: a panel of dy, which stays in the first-level cache

// How the work is cut; independent of the number of threads.
struct FilterPlan {
  std::int64_t c_blocks, o_blocks;
  TileGrid grid;
  std::int64_t panel;   // blocks of output channels that are multiplied at a time
  std::int64_t pieces;  // of the tiles
  std::int64_t chunk;   // tiles that are transformed, then multiplied; even

  explicit FilterPlan(const Conv2dProblem& p)
      : c_blocks(p.in_channels / lanes),
        o_blocks(p.out_channels / lanes),
        grid(p.batch, p.out_h, p.out_w),
        panel(o_blocks % 4 == 0 ? 4 : 2),
        pieces(product_floats() * 4 <= piece_sums_bytes
                   ? std::clamp<std::int64_t>(grid.count() / 64, 1, max_pieces)
                   : 1),
        chunk((pieces > 1 ? piece_tiles_bytes : shared_tiles_bytes) /
              (points * 2 * (c_blocks + o_blocks) * lanes) / 2 * 2) {
    const std::int64_t of_piece = (grid.count() + pieces - 1) / pieces;
    chunk = std::clamp<std::int64_t>(chunk, 2, (of_piece + 1) / 2 * 2);
  }

  [[nodiscard]] std::int64_t product_step() const {
    return c_blocks * o_blocks * lanes * lanes + point_gap / 4;
  }
  [[nodiscard]] std::int64_t product_floats() const { return points * product_step(); }
  [[nodiscard]] std::int64_t sums_floats() const {
    return product_floats() + o_blocks * lanes;
  }  // and the bias gradient
  [[nodiscard]] std::int64_t pairs() const { return chunk / 2; }
  /// Vectors from a point of the transforms to the next one: one more, for the sets of the cache.
  [[nodiscard]] std::int64_t patch_step() const { return c_blocks * pairs() + 1; }
  [[nodiscard]] std::int64_t tile_step() const { return o_blocks * pairs() + 1; }
  [[nodiscard]] std::int64_t transform_vectors() const { return points * (patch_step() + tile_step()); }
};

// Tiles of the batch, transformed: [point][block][pair of tiles], 16 channels of both tiles of a pair in a vector.
struct Transforms {
  Words *patches, *tiles;
};

// Calls values(at, result) for the tiles [first, last) and writes to[pair], a missing last one as zeros.
template <class Values>
XR_AVX512_BF16 [[gnu::always_inline]] inline void write_pairs(const TileGrid& grid, std::int64_t first,
                                                              std::int64_t last, std::int64_t step, Words* to,
                                                              Values& values) {
  TilePosition at(grid, first);
  for (std::int64_t t = first; t < last; t += 2, ++to) {
    Vector even[points], odd[points] = {};
    values.next(at, even);
    at.advance(grid);
    if (t + 1 < last) {
      values.next(at, odd);
      at.advance(grid);
    }
#pragma GCC unroll 16
    for (std::int64_t point = 0; point < points; ++point)
      to[point * step] = rounded_pair(even[point], odd[point]);
  }
}

// G of two values.
XR_AVX512_BF16 [[gnu::always_inline]] inline void transform_two(Vector d0, Vector d1, Vector* to) {
  to[0] = d0;
  to[1] = (d0 + d1) * 0.5f;
  to[2] = (d0 - d1) * 0.5f;
  to[3] = d1;
}

// G tile G^T of one block of channels, tile after tile, and the sum of all.
class TileTransform {
 public:
  XR_AVX512_BF16 TileTransform(const Activation& dy, std::int64_t block) : dy_(dy), block_(block) {}

  XR_AVX512_BF16 [[gnu::always_inline]] inline void next(const TilePosition& at, Vector* result) {
    const Plane plane = dy_.plane(at.n, block_);
    const std::int64_t h = at.row * tile, w = at.column * tile;
    const Vector d00 = pixel(plane, h, w), d01 = pixel(plane, h, w + 1), d10 = pixel(plane, h + 1, w),
                 d11 = pixel(plane, h + 1, w + 1);
    Vector left[patch], right[patch];
    transform_two(d00, d10, left);
    transform_two(d01, d11, right);
    for (int i = 0; i < patch; ++i) transform_two(left[i], right[i], result + i * patch);
    total += (d00 + d01) + (d10 + d11);
  }

  Vector total = {};

 private:
  Activation dy_;
  std::int64_t block_;
};

XR_AVX512_BF16 void write_patches(const FilterPlan& plan, const Conv2dProblem& p, const Bf16* x,
                                  std::int64_t block, std::int64_t first, std::int64_t last, Words* to) {
  PatchTransform values({x, plan.c_blocks, p.in_h, p.in_w}, block, -p.params.padding_h, -p.params.padding_w);
  write_pairs(plan.grid, first, last, plan.patch_step(), to + block * plan.pairs(), values);
}

XR_AVX512_BF16 void write_tiles(const FilterPlan& plan, const Conv2dProblem& p, const Bf16* dy,
                                std::int64_t block, std::int64_t first, std::int64_t last, Words* to,
                                float* bias) {
  TileTransform values({dy, plan.o_blocks, p.out_h, p.out_w}, block);
  write_pairs(plan.grid, first, last, plan.tile_step(), to + block * plan.pairs(), values);
  store(bias, load(bias) + values.total);
}

// sums (Rows, Vectors blocks) = or += x^T dy over `pairs`: x points to a lane of the first one, dy to Vectors blocks that lie
// block_step vectors apart.
template <int Rows, int Vectors>
XR_AVX512_BF16 [[gnu::always_inline]] inline void multiply_rows(const std::uint32_t* x, const Words* dy,
                                                                std::int64_t block_step, std::int64_t pairs,
                                                                bool add, float* sums) {
  constexpr std::int64_t width = Vectors * lanes;
  Vector total[Rows][Vectors];
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) total[r][v] = Vector{};
  for (std::int64_t k = 0; k < pairs; ++k) {
    avx512::Pairs gradients[Vectors];
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) gradients[v] = reinterpret_cast<avx512::Pairs>(dy[v * block_step + k]);
#pragma GCC unroll 8
    for (int r = 0; r < Rows; ++r) {
      const auto channel = reinterpret_cast<avx512::Pairs>(Words{} + x[k * lanes + r]);
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) total[r][v] = _mm512_dpbf16_ps(total[r][v], channel, gradients[v]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      float* const to = sums + r * width + v * lanes;
      store(to, add ? load(to) + total[r][v] : total[r][v]);
    }
}

// All input channels and one panel of output channels of a point: sums [C][panel].
template <int Rows, int Vectors>
XR_AVX512_BF16 void multiply(const FilterPlan& plan, const Words* x, const Words* dy, std::int64_t pairs,
                             bool add, float* sums) {
  constexpr std::int64_t width = Vectors * lanes;
  for (std::int64_t k = 0; k < pairs; k += pairs_at_a_time, add = true)
    for (std::int64_t c = 0; c < plan.c_blocks * lanes; c += Rows) {
      const auto* const channels =
          reinterpret_cast<const std::uint32_t*>(x + c / lanes * plan.pairs() + k) + c % lanes;
      multiply_rows<Rows, Vectors>(channels, dy + k, plan.pairs(), std::min(pairs - k, pairs_at_a_time), add,
                                   sums + c * width);
    }
}

// Tiles [first, last), at most plan.chunk: sums = or += their products, [point][panel][C][panel channels]. `loop` runs
// (count, body) as parallel_for does, or one after the other.
template <class Loop>
void add_chunk(const FilterPlan& plan, const Conv2dProblem& p, const Bf16* x, const Bf16* dy,
               std::int64_t first, std::int64_t last, bool add, const Transforms& transforms, float* sums,
               const Loop& loop) {
  float* const bias = sums + plan.product_floats();
  loop(plan.c_blocks + plan.o_blocks, [&](std::int64_t block) {
    if (block < plan.c_blocks) return write_patches(plan, p, x, block, first, last, transforms.patches);
    block -= plan.c_blocks;
    write_tiles(plan, p, dy, block, first, last, transforms.tiles, bias + block * lanes);
  });
  const std::int64_t panels = plan.o_blocks / plan.panel, pairs = (last - first + 1) / 2,
                     panel_floats = plan.c_blocks * lanes * plan.panel * lanes;
  loop(points * panels, [&](std::int64_t task) {
    const std::int64_t point = task / panels, panel = task % panels;
    const auto kernel = plan.panel == 4 ? multiply<4, 4> : multiply<8, 2>;
    kernel(plan, transforms.patches + point * plan.patch_step(),
           transforms.tiles + point * plan.tile_step() + panel * plan.panel * plan.pairs(), pairs, add,
           sums + point * plan.product_step() + panel * panel_floats);
  });
}

template <class Loop>
void add_piece(const FilterPlan& plan, const Conv2dProblem& p, const Bf16* x, const Bf16* dy,
               std::int64_t piece, const Transforms& transforms, float* sums, const Loop& loop) {
  const std::int64_t begin = plan.grid.count() * piece / plan.pieces,
                     end = plan.grid.count() * (piece + 1) / plan.pieces;
  std::fill_n(sums + plan.product_floats(), plan.o_blocks * lanes, 0.0f);
  for (std::int64_t first = begin; first < end; first += plan.chunk)
    add_chunk(plan, p, x, dy, first, std::min(end, first + plan.chunk), first > begin, transforms, sums,
              loop);
}

// A^T of four values.
XR_AVX512_BF16 [[gnu::always_inline]] inline void transform_back(Vector m0, Vector m1, Vector m2, Vector m3,
                                                                 Vector* to, int step) {
  to[0] = m0 + m1 + m2;
  to[step] = m1 - m2;
  to[2 * step] = m1 + m2 - m3;
}

// d_filter of 16 output channels, pieces added up in order.
XR_AVX512_BF16 void write_filters(const FilterPlan& plan, const float* sums, std::int64_t block,
                                  float* d_filter, GradientWrite write) {
  const std::int64_t channels = plan.c_blocks * lanes, width = plan.panel * lanes;
  sums += block / plan.panel * channels * width + block % plan.panel * lanes;
  d_filter += block * lanes * channels * 9;
  for (std::int64_t c = 0; c < channels; ++c) {
    Vector m[points], rows[3 * patch], taps[lanes] = {};
    for (std::int64_t point = 0; point < points; ++point) {
      const float* const from = sums + point * plan.product_step() + c * width;
      m[point] = load(from);
      for (std::int64_t piece = 1; piece < plan.pieces; ++piece)
        m[point] += load(from + piece * plan.sums_floats());
    }
    for (int w = 0; w < patch; ++w)
      transform_back(m[w], m[patch + w], m[2 * patch + w], m[3 * patch + w], rows + w, patch);
    for (int h = 0; h < 3; ++h) {
      const Vector* const row = rows + h * patch;
      transform_back(row[0], row[1], row[2], row[3], taps + h * 3, 1);
    }
    transpose(taps);
#pragma GCC unroll 16
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      float* const to = d_filter + (lane * channels + c) * 9;
      if (write == GradientWrite::accumulate)
        taps[lane] += reinterpret_cast<Vector>(_mm512_maskz_loadu_ps(nine_taps, to));
      _mm512_mask_storeu_ps(to, nine_taps, reinterpret_cast<__m512>(taps[lane]));
    }
  }
}

void backward_filter(OneDnn& one_dnn, const Conv2dProblem& p, const Bf16* x, const Bf16* dy, float* d_filter,
                     float* d_bias, GradientWrite write) {
  const FilterPlan plan(p);
  float* const sums = one_dnn.temporary(Temporary::partial_sums, plan.pieces * plan.sums_floats());
  auto* const memory = reinterpret_cast<Words*>(
      one_dnn.temporary(Temporary::transforms, worker_count(plan.pieces) * plan.transform_vectors() * lanes));
  const auto transforms_of = [&](std::int64_t worker) {
    Words* const patches = memory + worker * plan.transform_vectors();
    return Transforms{patches, patches + points * plan.patch_step()};
  };
  if (plan.pieces == 1) {
    add_piece(plan, p, x, dy, 0, transforms_of(0), sums,
              [](std::int64_t count, const auto& body) { parallel_for(count, body); });
  } else {
    parallel_for_workers(plan.pieces, [&](std::int64_t worker, std::int64_t piece) {
      add_piece(plan, p, x, dy, piece, transforms_of(worker), sums + piece * plan.sums_floats(),
                [](std::int64_t count, const auto& body) {
                  for (std::int64_t i = 0; i < count; ++i) body(i);
                });
    });
  }
  parallel_for(plan.o_blocks, [&](std::int64_t block) { write_filters(plan, sums, block, d_filter, write); });
  if (d_bias == nullptr) return;
  for (std::int64_t o = 0; o < p.out_channels; ++o) {
    double total = 0;
    for (std::int64_t piece = 0; piece < plan.pieces; ++piece)
      total += static_cast<double>(sums[piece * plan.sums_floats() + plan.product_floats() + o]);
    write_gradient(total, d_bias + o, write);
  }
}

}  // namespace
}  // namespace winograd

void winograd_backward_filter_in_bf16(OneDnn& one_dnn, const Conv2dProblem& problem, const Bf16* x,
                                      const Bf16* dy, float* d_filter, float* d_bias, GradientWrite write) {
  winograd::backward_filter(one_dnn, problem, x, dy, d_filter, d_bias, write);
}

#else

void winograd_backward_filter_in_bf16(OneDnn&, const Conv2dProblem&, const Bf16*, const Bf16*, float*, float*,
                                      GradientWrite) {}

#endif

}  // namespace xr::kernels::cpu
