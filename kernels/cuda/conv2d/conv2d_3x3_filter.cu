// The filter gradient of conv2d with 3x3 taps and stride 1: the implicit matrix product over halo tiles.
//
//   d_filter (O, 3, 3, C) = sum over results of dy (O) x (pixel of each tap, C);  d_bias (O) = sum of dy
//
// A block owns M = 32 or 64 output channels, 32 input channels and all nine taps, and walks over tiles of 2 x
// 16 results: it takes their dy and the 4 x 18 pixels that they see to shared memory once; each of its four
// warps has 8 of the channels, so that M x 9 x 8 sums stay in registers and a fragment of dy serves nine
// taps. A tile is 17 KB (f32) for 1.2 million operations: 68 for a byte, where conv2d_implicit_gemm_filter.cu has 19 to 26, which
// bound it by the L2 cache. Of shared memory a warp reads 4.4 KB for 74 thousand operations.
//
// Results beyond the edge of the image are zeros in dy, times pixels that exist: a NaN or infinity of x in
// the last rows or columns reaches all taps of its channel there, not only those that see it.
//
// The walk is cut into parts whose sums go to the workspace; a second pass adds them up in order. Bytes and
// operations as in conv2d_implicit_gemm_filter.cu.
#include "kernels/cuda/conv2d/conv2d_3x3.h"
#include "kernels/cuda/gemm/gemm_variants.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

constexpr int threads = 128, stages = 3, tile_rows = 2, tile_results = tile_rows * tile_width;

struct Filter3x3 {
  PixelImage x, dy;
  ResultTiles tiles;
  int padding_h, padding_w;
  int tiles_per_split;
  FilterPartials partials;
};

template <Math math_, class T_, int M_>
struct Product3x3Filter {
  static constexpr Math math = math_;
  static constexpr int m = M_;
  using T = T_;
  using Gradient = OperandTile<math, T, false, m, tile_results>;
  using Pixels = HaloTile<T, math == Math::bf16, tile_rows>;
  static constexpr int stage_bytes = Gradient::bytes + Pixels::bytes;
  static constexpr int shared_bytes = stages * stage_bytes;

  float sums[m / 16][9][4] = {};
  float bias_sums[4] = {};  // of rows 16 warp to 16 warp + 15

  /// Queues the copies of a tile's dy: channels from first_channel on.
  __device__ __forceinline__ static void load(T* tile, const Filter3x3& g, const TileWalk<tile_rows>& at,
                                              int first_channel) {
    using Order = ChunkOrder<Gradient, threads>;
    const int channels = g.dy.channels - first_channel - Order::column();
    const T* const first =
        static_cast<const T*>(g.dy.data) + first_channel + Order::column() +
        (static_cast<std::int64_t>(at.n * g.dy.height + at.i) * g.dy.width + at.j) * g.dy.channels;
#pragma unroll
    for (int k = 0; k < Order::count; ++k) {
      const int result = Order::row() + k * Order::step;
      const int i = result / tile_width, j = result % tile_width;
      const bool exists = at.i + i < g.dy.height && at.j + j < g.dy.width;
      copy_async<16>(tile + Gradient::offset(result, Order::column()),
                     first + (i * g.dy.width + j) * g.dy.channels, exists && channels > 0 ? 16 : 0);
    }
  }

  /// The pixels of tap (r, q), results `depth` on, 8 channels of warp `warp`, `from` being first_pixel(q).
  [[nodiscard]] __device__ __forceinline__ static int first_pixel(int q, int warp, int lane) {
    if constexpr (math == Math::bf16) return Pixels::offset(0, lane % 16 + q, 8 * warp);
    return Pixels::offset(0, lane % 4 + q, 8 * warp + lane / 4);
  }
  __device__ __forceinline__ static void load(Fragment<math, 2>& b, const T* halo, int from, int depth,
                                              int r) {
    const int row = (depth / tile_width + r) * Pixels::row_elements;
    if constexpr (math == Math::bf16) {
      ldmatrix_x2_trans(b.value, halo + from + row);
    } else {
      const T* const pixel = halo + from + row + depth % tile_width * slice_channels;
      set(b, 0, pixel[0]);
      set(b, 1, pixel[4 * slice_channels]);
    }
  }

  __device__ __forceinline__ void multiply(const T* gradient, const T* halo) {
    const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
    const int a_from = Gradient::first_operand(0, lane);
// Unrolled, three products for each leave no registers.
#pragma unroll(math == Math::tf32x3 ? 1 : 4)
    for (int k = 0; k < tile_results; k += mma_depth(math)) {
      Fragment<math, 4> a[m / 16];
#pragma unroll
      for (int i = 0; i < m / 16; ++i) Gradient::load(a[i], gradient, a_from, 16 * i, k);
#pragma unroll
      for (int tap = 0; tap < 9; ++tap) {
        Fragment<math, 2> b;
        load(b, halo, first_pixel(tap % 3, warp, lane), k, tap / 3);
#pragma unroll
        for (int i = 0; i < m / 16; ++i) multiply_add(sums[i][tap], a[i], b);
      }
    }
  }

  /// dy times ones is the bias gradient; a warp takes 16 output channels.
  __device__ __forceinline__ void sum_gradient(const T* gradient) {
    const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
    if (16 * warp >= m) return;
    const int from = Gradient::first_operand(16 * warp, lane);
#pragma unroll
    for (int k = 0; k < tile_results; k += mma_depth(math)) {
      Fragment<math, 4> a;
      Gradient::load(a, gradient, from, 0, k);
      multiply_add(bias_sums, a, fragment_of_ones<math>());
    }
  }
};

/// Block (M output and 32 input channels, split).
template <class Product>
__global__ void __launch_bounds__(threads, 2) conv2d_3x3_filter_kernel(Filter3x3 g) {
  using T = typename Product::T;
  XR_DYNAMIC_SHARED(char, shared);
  const int slices = g.x.channels / slice_channels, split = static_cast<int>(blockIdx.y);
  const int channel = static_cast<int>(blockIdx.x) % slices * slice_channels;
  const int first_out = static_cast<int>(blockIdx.x) / slices * Product::m;
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  const bool sum_bias = g.partials.bias_count > 0 && channel == 0;
  const int first = split * g.tiles_per_split;

  Product product;
  TileWalk<tile_rows> next(g.tiles, first);
  const auto gradient_of = [&](int stage) {
    return reinterpret_cast<T*>(shared + stage * Product::stage_bytes);
  };
  const auto patch_of = [&](int stage) {
    return reinterpret_cast<T*>(shared + stage * Product::stage_bytes + Product::Gradient::bytes);
  };
  in_pipeline<stages>(
      min(g.tiles_per_split, g.tiles.count() - first),
      [&](int stage) {
        Product::load(gradient_of(stage), g, next, first_out);
        Product::Pixels::template load<threads>(patch_of(stage), g.x, next.n, next.i - g.padding_h,
                                                next.j - g.padding_w, channel);
        next.next(g.tiles);
      },
      [&](int stage) {
        product.multiply(gradient_of(stage), patch_of(stage));
        if (sum_bias) product.sum_gradient(gradient_of(stage));
      });

  float* const partial = g.partials.filter_of(split);
#pragma unroll
  for (int i = 0; i < Product::m / 8; ++i) {
    const int o = first_out + 8 * i + lane / 4;
    if (o >= g.dy.channels) continue;
#pragma unroll
    for (int tap = 0; tap < 9; ++tap) {
      const float* sums = product.sums[i / 2][tap] + i % 2 * 2;
      float* to =
          partial + static_cast<std::int64_t>(9 * o + tap) * g.x.channels + channel + 8 * warp + lane % 4 * 2;
      *reinterpret_cast<float2*>(to) = make_float2(sums[0], sums[1]);
    }
  }
  // All columns of the product with ones are equal.
  if (!sum_bias || lane % 4 != 0 || 16 * warp >= Product::m) return;
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    const int o = first_out + 16 * warp + 8 * i + lane / 4;
    if (o < g.dy.channels) g.partials.bias_of(split)[o] = product.bias_sums[2 * i];
  }
}

template <class Product>
void launch(KernelBackend& backend, const Conv2dProblem& problem, const Conv2dBackwardFilter& call) {
  const Conv2dShape s = to_shape(problem);
  const ResultTiles tiles(s.batch, s.out_h, s.out_w, tile_rows);
  const std::int64_t blocks = ceil_div(s.out_channels, Product::m) * (s.in_channels / slice_channels);
  constexpr std::int64_t min_tiles = 16;
  const std::int64_t parts = std::clamp<std::int64_t>(
      std::min(blocks_to_fill / blocks, tiles.count() / min_tiles), 1, blocks_to_fill);
  const std::int64_t per_split = ceil_div(tiles.count(), parts);
  const FilterPartials partials =
      make_filter_partials(backend, call, static_cast<int>(ceil_div(tiles.count(), per_split)), true);
  static const std::string name =
      fmt::format("conv2d_backward_filter_halo_tile_{}x288_{}", Product::m, name_of(Product::math));
  backend.run({name.c_str(), dim3(static_cast<unsigned>(blocks), static_cast<unsigned>(partials.splits)),
               threads, Product::shared_bytes, call.bytes(), problem.operations()},
              conv2d_3x3_filter_kernel<Product>,
              Filter3x3{{call.x.data, s.in_h, s.in_w, s.in_channels},
                        {call.dy.data, s.out_h, s.out_w, s.out_channels},
                        tiles,
                        s.padding_h,
                        s.padding_w,
                        static_cast<int>(per_split),
                        partials});
  sum_filter_partials(backend, call, partials);
}

template <Math math, class T>
void launch_math(KernelBackend& backend, const Conv2dProblem& problem, const Conv2dBackwardFilter& call) {
  // With tf32x3, bound by its products, the registers of the wide tile hold too few fragments to keep the
  // tensor cores busy; the narrow one reads more from the L2 cache, which has the time.
  const std::string& forced = backend.options().variant;
  const bool narrow = problem.out_channels <= 32 || forced == "halo_tile_32x288" ||
                      (math == Math::tf32x3 && forced != "halo_tile_64x288");
  if (narrow)
    launch<Product3x3Filter<math, T, 32>>(backend, problem, call);
  else
    launch<Product3x3Filter<math, T, 64>>(backend, problem, call);
}

}  // namespace

void launch_3x3(KernelBackend& backend, const Conv2dProblem& problem, const Conv2dBackwardFilter& call) {
  if (problem.activation == DType::bf16)
    launch_math<Math::bf16, Bf16>(backend, problem, call);
  else if (backend.options().precision == Precision::fp32)
    launch_math<Math::tf32x3, float>(backend, problem, call);
  else
    launch_math<Math::tf32, float>(backend, problem, call);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
