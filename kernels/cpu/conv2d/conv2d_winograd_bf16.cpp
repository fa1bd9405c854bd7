// y and the data gradient of a 3x3 convolution with stride 1 in bf16 by Winograd's method: F(2x2, 3x3).
//
// x (N, C, H, W) and y (N, O, H', W'), both blocked16; the data gradient is the same with the filter turned and its channels
// exchanged. With y cut into tiles of 2x2 and x into the 4x4 patches under them,
//   tile = A^T [(G filter G^T) * (B^T patch B)] A,
// where * multiplies point by point and is, over channels, one product (tiles x C) (C x O) for each of the 16 points (Lavin
// and Gray, "Fast Algorithms for Convolutional Neural Networks", arXiv:1509.09308, section 4.1).
//
// Rounding: transformed patches and filters are rounded to bf16, sums and transforms are f32. A transformed pixel is a sum of
// four and an output one of nine points, so with independent x and filter the error of a result is 2.4 roundings of its
// standard deviation, where a direct convolution has one, of the filter. Then y is rounded, in both. A NaN is where a direct
// convolution has it; of infinities the transforms may make NaN.
//
// Operations: 2 * 16 for each tile, input and output channel instead of 2 * 36, and the transforms. Some tiles at a time are
// transformed, multiplied and transformed back while they lie in the second-level cache.
#include <algorithm>
#include <cstring>
#include <utility>

#include "kernels/common/parallel.h"
#include "kernels/cpu/conv2d/conv2d.h"
#include "kernels/cpu/conv2d/winograd_bf16.h"

namespace xr::kernels::cpu {

#if XR_HAS_AVX512

namespace winograd {
namespace {

constexpr std::int64_t max_patches_bytes = std::int64_t{448} << 10;  // of the transformed patches of a chunk
constexpr std::int64_t min_chunk = 24, max_chunk = 96;  // tiles; multiples of the rows of both kernels
constexpr std::int64_t min_pixels =
    512;  // of y: with fewer the transforms of filters take longer than what they save

// A convolution with stride 1 of `from`, whose window for the result's (0, 0) begins at (top, left).
struct Direction {
  std::int64_t batch, c, from_h, from_w, o, to_h, to_w, top, left;
  bool is_backward;
};

Direction forward_of(const Conv2dProblem& p) {
  return {.batch = p.batch,
          .c = p.in_channels,
          .from_h = p.in_h,
          .from_w = p.in_w,
          .o = p.out_channels,
          .to_h = p.out_h,
          .to_w = p.out_w,
          .top = -p.params.padding_h,
          .left = -p.params.padding_w,
          .is_backward = false};
}

Direction backward_of(const Conv2dProblem& p) {
  return {.batch = p.batch,
          .c = p.out_channels,
          .from_h = p.out_h,
          .from_w = p.out_w,
          .o = p.in_channels,
          .to_h = p.in_h,
          .to_w = p.in_w,
          .top = p.params.padding_h - 2,
          .left = p.params.padding_w - 2,
          .is_backward = true};
}

// How the work is cut. A result does not depend on it.
struct Plan {
  Direction d;
  TileGrid grid;
  std::int64_t panel;         // output channels that are multiplied at a time
  std::int64_t rows;          // tiles that are multiplied at a time
  std::int64_t chunk;         // tiles that are transformed, then multiplied
  std::int64_t patch_step;    // elements from a point of the transformed patches to the next one
  std::int64_t product_step;  // and of the products
  std::int64_t filter_step;   // and of the filter's panels

  explicit Plan(const Direction& direction)
      : d(direction),
        grid(d.batch, d.to_h, d.to_w),
        panel(d.o % 64 == 0 ? 64 : 32),
        rows(panel == 64 ? 6 : 12),
        chunk(std::clamp(max_patches_bytes / (points * d.c * 2), min_chunk, max_chunk) / rows * rows),
        patch_step(chunk * d.c + point_gap / 2),
        product_step(chunk * panel + point_gap / 4),
        filter_step(d.c * d.o + point_gap / 2) {}
};

struct FilterRows {
  const float* data;
  std::int64_t out_step, in_step;  // from an output and an input channel to the next one
  bool is_turned;
};

// G of three values.
XR_AVX512_BF16 [[gnu::always_inline]] inline void transform_taps(Vector g0, Vector g1, Vector g2, Vector* to,
                                                                 int step) {
  const Vector ends = (g0 + g2) * 0.5f, middle = g1 * 0.5f;
  to[0] = g0;
  to[step] = ends + middle;
  to[2 * step] = ends - middle;
  to[3 * step] = g2;
}

// G filter G^T of 16 output channels and one input channel, whose rows begin at `from`.
XR_AVX512_BF16 void transform_filter(const FilterRows& rows, const float* from, Vector* result) {
  Vector taps[lanes];  // row by row the nine of one output channel, then the other way round
#pragma GCC unroll 16
  for (std::int64_t lane = 0; lane < lanes; ++lane)
    taps[lane] = reinterpret_cast<Vector>(_mm512_maskz_loadu_ps(nine_taps, from + lane * rows.out_step));
  transpose(taps);
  Vector lines[patch * 3];
  if (rows.is_turned)
    for (int k = 0; k < 4; ++k) std::swap(taps[k], taps[8 - k]);
  for (int w = 0; w < 3; ++w) transform_taps(taps[w], taps[3 + w], taps[6 + w], lines + w, 3);
  for (int h = 0; h < patch; ++h)
    transform_taps(lines[3 * h], lines[3 * h + 1], lines[3 * h + 2], result + h * patch, 1);
}

// 16 output channels of the panels [point][panel][C / 2][panel channels][2]: pairs of input channels next to each other.
XR_AVX512_BF16 void transform_filters(const Plan& plan, const FilterRows& rows, std::int64_t block,
                                      Bf16* panels) {
  const std::int64_t o = block * lanes;
  const float* from = rows.data + o * rows.out_step;
  Bf16* to = panels + o / plan.panel * plan.panel * plan.d.c + o % plan.panel * 2;
  Vector even[points], odd[points];
  for (std::int64_t c = 0; c < plan.d.c; c += 2, from += 2 * rows.in_step, to += plan.panel * 2) {
    transform_filter(rows, from, even);
    transform_filter(rows, from + rows.in_step, odd);
    for (std::int64_t point = 0; point < points; ++point)
      *reinterpret_cast<Words*>(to + point * plan.filter_step) = rounded_pair(even[point], odd[point]);
  }
}

// Two blocks of 16 channels of the patches of tiles [first, last): to[point][tile - first][C]. Together they fill lines of the
// cache: forward of a step of resnet18 84 ms, one by one 86.
XR_AVX512_BF16 void transform_patches(const Plan& plan, const Activation& from, std::int64_t block,
                                      std::int64_t first, std::int64_t last, Bf16* to) {
  PatchTransform left(from, block, plan.d.top, plan.d.left), right(from, block + 1, plan.d.top, plan.d.left);
  TilePosition at(plan.grid, first);
  to += block * lanes;
  for (std::int64_t t = first; t < last; ++t, to += plan.d.c, at.advance(plan.grid)) {
    Vector values[points];
    left.next(at, values);
#pragma GCC unroll 16
    for (std::int64_t point = 0; point < points; ++point) store(to + point * plan.patch_step, values[point]);
    right.next(at, values);
#pragma GCC unroll 16
    for (std::int64_t point = 0; point < points; ++point)
      store(to + point * plan.patch_step + lanes, values[point]);
  }
}

// products (tiles, panel) = patches (tiles, C) filter (C, panel): `Rows` tiles and 16 `Vectors` channels in registers.
template <int Rows, int Vectors>
XR_AVX512_BF16 void multiply(const Bf16* patches, std::int64_t tiles, std::int64_t c, const Bf16* panel,
                             float* products) {
  constexpr std::int64_t width = Vectors * lanes;
  for (std::int64_t t = 0; t < tiles; t += Rows, patches += Rows * c, products += Rows * width) {
    Vector sums[Rows][Vectors];
#pragma GCC unroll 12
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) sums[r][v] = Vector{};
    for (std::int64_t k = 0; k < c; k += 2) {
      avx512::Pairs filter[Vectors];
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v)
        filter[v] = reinterpret_cast<avx512::Pairs>(
            *reinterpret_cast<const Words*>(panel + k * width + v * 2 * lanes));
#pragma GCC unroll 12
      for (int r = 0; r < Rows; ++r) {
        std::uint32_t pair;
        std::memcpy(&pair, patches + r * c + k, sizeof pair);
        const auto channels = reinterpret_cast<avx512::Pairs>(Words{} + pair);
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v) sums[r][v] = _mm512_dpbf16_ps(sums[r][v], channels, filter[v]);
      }
    }
#pragma GCC unroll 12
    for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) store(products + r * width + v * lanes, sums[r][v]);
  }
}

// What becomes of the sums.
struct Epilogue {
  const float* bias;  // or null
  const Bf16* added;  // in the layout of the result, or null
  bool relu;
};

// A^T of four values.
XR_AVX512_BF16 [[gnu::always_inline]] inline void transform_back(Vector m0, Vector m1, Vector m2, Vector m3,
                                                                 Vector* to, int step) {
  to[0] = m0 + m1 + m2;
  to[step] = m1 - m2 - m3;
}

// A^T products A of 16 channels of the tiles [first, last), with what follows.
XR_AVX512_BF16 void transform_products(const Plan& plan, const float* products, std::int64_t block,
                                       std::int64_t first, std::int64_t last, const Epilogue& epilogue,
                                       Bf16* result) {
  const Direction& d = plan.d;
  const std::int64_t blocks = d.o / lanes;
  const Vector bias = epilogue.bias != nullptr ? load(epilogue.bias + block * lanes) : Vector{};
  TilePosition at(plan.grid, first);
  for (std::int64_t t = first; t < last; ++t, products += plan.panel, at.advance(plan.grid)) {
    Vector rows[tile * patch], pixels[tile * tile];
    const std::int64_t step = patch * plan.product_step;
    for (int w = 0; w < patch; ++w) {
      const float* const point = products + w * plan.product_step;
      transform_back(load(point), load(point + step), load(point + 2 * step), load(point + 3 * step),
                     rows + w, patch);
    }
    for (int h = 0; h < tile; ++h) {
      const Vector* const m = rows + h * patch;
      transform_back(m[0], m[1], m[2], m[3], pixels + h * tile, 1);
    }
    const std::int64_t plane = (at.n * blocks + block) * d.to_h * d.to_w;
    for (int i = 0; i < tile * tile; ++i) {
      const std::int64_t h = at.row * tile + i / tile, w = at.column * tile + i % tile;
      if (h >= d.to_h || w >= d.to_w) continue;
      const std::int64_t offset = (plane + h * d.to_w + w) * lanes;
      Vector value = pixels[i] + bias;
      if (epilogue.added != nullptr) value += load(epilogue.added + offset);
      if (epilogue.relu) value = value < 0 ? Vector{} : value;  // keeps NaN
      store(result + offset, value);
    }
  }
}

// `products` and `patches`: memory for plan.product_step and plan.patch_step elements of each point.
void compute_chunk(const Plan& plan, const Activation& from, const Bf16* panels, std::int64_t chunk,
                   const Epilogue& epilogue, float* products, Bf16* patches, Bf16* result) {
  const Direction& d = plan.d;
  const std::int64_t first = chunk * plan.chunk, last = std::min(plan.grid.count(), first + plan.chunk),
                     tiles = last - first, rows = (tiles + plan.rows - 1) / plan.rows * plan.rows;
  for (std::int64_t block = 0; block < from.blocks; block += 2)
    transform_patches(plan, from, block, first, last, patches);
  for (std::int64_t point = 0; point < points; ++point)
    std::fill_n(patches + point * plan.patch_step + tiles * d.c, (rows - tiles) * d.c, Bf16{0});
  const auto kernel = plan.panel == 64 ? multiply<6, 4> : multiply<12, 2>;
  for (std::int64_t o = 0; o < d.o; o += plan.panel) {
    for (std::int64_t point = 0; point < points; ++point)
      kernel(patches + point * plan.patch_step, rows, d.c, panels + point * plan.filter_step + o * d.c,
             products + point * plan.product_step);
    for (std::int64_t channel = 0; channel < plan.panel; channel += lanes)
      transform_products(plan, products + channel, (o + channel) / lanes, first, last, epilogue, result);
  }
}

const Bf16* transformed_filter(OneDnn& one_dnn, const Plan& plan, const float* filter, std::uint64_t number) {
  const Direction& d = plan.d;
  const FilterRows rows =
      d.is_backward ? FilterRows{filter, 9, d.o * 9, true} : FilterRows{filter, d.c * 9, 9, false};
  CachedPrimitive& place =
      one_dnn.get(Operation::winograd_filter, {d.c, d.o}, [] { return CachedPrimitive(); });
  void* const panels =
      one_dnn.kept(place, number, one_dnn.workspace(Temporary::filter),
                   static_cast<std::size_t>(points * plan.filter_step) * sizeof(Bf16), [&](void* data) {
                     one_dnn.add_record({d.is_backward ? Conv2dBackwardData::name : Conv2dForward::name,
                                         "filter", 9 * d.c * d.o * static_cast<std::int64_t>(sizeof(float))});
                     parallel_for(d.o / lanes, [&](std::int64_t block) {
                       transform_filters(plan, rows, block, static_cast<Bf16*>(data));
                     });
                   });
  return static_cast<const Bf16*>(panels);
}

void convolve(OneDnn& one_dnn, const Direction& direction, const Bf16* from, const float* filter,
              std::uint64_t filter_number, const Epilogue& epilogue, Bf16* result) {
  const Plan plan(direction);
  const Direction& d = plan.d;
  const Bf16* const panels = transformed_filter(one_dnn, plan, filter, filter_number);
  const std::int64_t chunks = (plan.grid.count() + plan.chunk - 1) / plan.chunk,

                     product_floats = points * plan.product_step,
                     floats = product_floats + points * plan.patch_step / 2;
  float* const memory = one_dnn.temporary(Temporary::transforms, worker_count(chunks) * floats);
  const Activation activation{from, d.c / lanes, d.from_h, d.from_w};
  parallel_for_workers(chunks, [&](std::int64_t worker, std::int64_t chunk) {
    float* const products = memory + worker * floats;
    auto* const patches = reinterpret_cast<Bf16*>(products + product_floats);
    compute_chunk(plan, activation, panels, chunk, epilogue, products, patches, result);
  });
}

}  // namespace
}  // namespace winograd

bool has_winograd_in_bf16(const Conv2dProblem& p) {
  const Conv2dParams& q = p.params;
  return avx512::has_avx512_bf16() && p.activation == DType::bf16 && p.kernel_h == 3 && p.kernel_w == 3 &&
         q.stride_h == 1 && q.stride_w == 1 && q.dilation_h == 1 && q.dilation_w == 1 && q.groups == 1 &&
         p.in_channels % 32 == 0 && p.out_channels % 32 == 0 && p.x_layout == Layout::blocked16 &&
         p.y_layout == Layout::blocked16 && p.batch * p.out_h * p.out_w >= winograd::min_pixels;
}

void winograd_forward_in_bf16(OneDnn& one_dnn, const Conv2dProblem& problem, const Bf16* x,
                              const float* filter, const float* bias, Bf16* y,
                              const ForwardOptions& options) {
  winograd::convolve(
      one_dnn, winograd::forward_of(problem), x, filter, options.filter_number,
      {.bias = bias, .added = static_cast<const Bf16*>(options.residual), .relu = options.relu}, y);
}

void winograd_backward_data_in_bf16(OneDnn& one_dnn, const Conv2dProblem& problem, const Bf16* dy,
                                    const float* filter, Bf16* dx, GradientWrite write) {
  winograd::convolve(
      one_dnn, winograd::backward_of(problem), dy, filter, 0,
      {.bias = nullptr, .added = write == GradientWrite::accumulate ? dx : nullptr, .relu = false}, dx);
}

#else

bool has_winograd_in_bf16(const Conv2dProblem&) {
  return false;
}
void winograd_forward_in_bf16(OneDnn&, const Conv2dProblem&, const Bf16*, const float*, const float*, Bf16*,
                              const ForwardOptions&) {}
void winograd_backward_data_in_bf16(OneDnn&, const Conv2dProblem&, const Bf16*, const float*, Bf16*,
                                    GradientWrite) {}

#endif

}  // namespace xr::kernels::cpu
