// The kernel of gemm.h and its launcher, a template over the types and the orders of the operands.
#pragma once

#include "kernels/cuda/gemm/gemm.h"
#include "kernels/cuda/gemm/gemm_loaders.h"
#include "kernels/cuda/gemm/gemm_tile.h"
#include "kernels/cuda/sum_partials.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

struct GemmArguments {
  int m, n, k;
  StridedOperand a, b;  ///< extent: the rows of op(a), the columns of op(b)
  const float* bias;
  void* c;
  bool c_is_bf16;
  GradientWrite write;
  bool aligned;         ///< c's rows, to 16 bytes
  float* partials;      ///< null, or (splits, m, n)
  int depth_per_split;  ///< a multiple of the tile's depth
  bool rows_fastest;    ///< neighbouring blocks take neighbouring rows of tiles, not columns
};

/// A loader of op(a)'s or op(b)'s tiles: by chunks of 16 bytes if those are aligned, else by elements.
template <class Tile, int Threads, bool aligned>
[[nodiscard]] __device__ __forceinline__ auto make_loader(const StridedOperand& operand, int extent,
                                                          int end_extent, int depth, int end_depth) {
  using T = typename Tile::Element;
  if constexpr (!aligned)
    return StridedLoader<Tile, Threads>(operand, extent, end_extent, depth, end_depth);
  else if constexpr (Tile::depth_contiguous)
    return MatrixLoader<Tile, Threads>(static_cast<const T*>(operand.data), operand.extent_stride, extent,
                                       end_extent, depth, end_depth);
  else
    return MatrixLoader<Tile, Threads>(static_cast<const T*>(operand.data), operand.depth_stride, depth,
                                       end_depth, extent, end_extent);
}

/// One tile of c, or of one split's partial sums of it.
template <class Product, bool aligned>
__global__ void __launch_bounds__(Product::Shape::threads, min_blocks<Product::math>)
    gemm_kernel(GemmArguments g) {
  using Shape = typename Product::Shape;
  XR_DYNAMIC_SHARED(char, shared);
  const int tiles_m = (g.m + Shape::m - 1) / Shape::m, tiles_n = (g.n + Shape::n - 1) / Shape::n;
  const int block = static_cast<int>(blockIdx.x), split = static_cast<int>(blockIdx.y);
  const int row = (g.rows_fastest ? block % tiles_m : block / tiles_n) * Shape::m;
  const int column = (g.rows_fastest ? block / tiles_m : block % tiles_n) * Shape::n;
  const int depth = split * g.depth_per_split, end_depth = min(g.k, depth + g.depth_per_split);

  auto load_a = make_loader<typename Product::A, Shape::threads, aligned>(g.a, row, g.m, depth, end_depth);
  auto load_b = make_loader<typename Product::B, Shape::threads, aligned>(g.b, column, g.n, depth, end_depth);
  Product product;
  product.run(load_a, load_b, (end_depth - depth + Product::depth - 1) / Product::depth, shared,
              [](int, const auto&) {});
  auto* const result = reinterpret_cast<float*>(shared);
  product.to_shared(result);

  const auto offset = [&](int r) { return row + r < g.m ? static_cast<std::int64_t>(row + r) * g.n : -1; };
  if (g.partials != nullptr)
    write_results<Product>(result, column, g.n, g.partials + static_cast<std::int64_t>(split) * g.m * g.n,
                           offset, nullptr, GradientWrite::overwrite, g.n % 4 == 0);
  else if (Product::math == Math::bf16 && g.c_is_bf16)
    write_results<Product>(result, column, g.n, static_cast<Bf16*>(g.c), offset, g.bias, g.write, g.aligned);
  else
    write_results<Product>(result, column, g.n, static_cast<float*>(g.c), offset, g.bias, g.write, g.aligned);
}

/// The second pass of a split product.
template <class T>
struct StoreGemm {
  T* c;
  const float* bias;
  std::int64_t n;
  GradientWrite write;

  __device__ void operator()(std::int64_t i, float sum) const {
    if (bias != nullptr) sum += bias[i % n];
    Elements<T, 1>{{sum}}.write(c + i, write);
  }
};

/// Whether chunks of 16 bytes of the operand are aligned: it is contiguous one way, and its strides the other
/// way are multiples of 16 bytes.
[[nodiscard]] inline bool is_aligned(const StridedOperand& operand) {
  const std::int64_t stride = operand.depth_stride == 1 ? operand.extent_stride : operand.depth_stride;
  return is_aligned(operand.data) && stride * (operand.is_bf16 ? 2 : 4) % 16 == 0;
}

[[nodiscard]] GemmArguments arguments_of(const Gemm& gemm);

/// In how many parts the depth is cut so that a product of few tiles still fills a GPU, at least 8 tiles
/// deep each.
[[nodiscard]] int depth_splits(std::int64_t tiles, std::int64_t depth_tiles);

// Few rows (the batch of a linear layer): every column tile takes them all, so that b is read once.
using SkinnyTile = TileShape<64, 128, 1, 4, 4>;
using LargeTile = TileShape<128, 64, 2, 2, 3>;
using StridedTile = TileShape<64, 64, 2, 2, 2>;  // for operands that are not aligned

/// Which kernel a product gets.
enum class GemmOrder { strided, neither_transposed, a_transposed, b_transposed };
[[nodiscard]] GemmOrder order_of(const KernelBackend& backend, const Gemm& gemm);

/// Queues the product.
template <class Product, bool aligned>
void launch_gemm(KernelBackend& backend, const Gemm& gemm, const char* name) {
  using Shape = typename Product::Shape;
  GemmArguments arguments = arguments_of(gemm);
  const std::int64_t tiles_m = ceil_div(gemm.m, Shape::m), tiles_n = ceil_div(gemm.n, Shape::n);
  const std::int64_t depth_tiles = ceil_div(gemm.k, Product::depth);
  const std::int64_t per_split = ceil_div(depth_tiles, depth_splits(tiles_m * tiles_n, depth_tiles));
  const int splits = to_int(ceil_div(depth_tiles, per_split), "splits");
  arguments.depth_per_split = to_int(per_split * Product::depth, "the depth");
  arguments.rows_fastest = tiles_m <= tiles_n;  // the blocks of a row of tiles share the larger operand
  if (splits > 1)
    arguments.partials = static_cast<float*>(
        backend.workspace(static_cast<std::size_t>(splits * gemm.m * gemm.n) * sizeof(float)));
  const dim3 grid(static_cast<unsigned>(to_int(tiles_m * tiles_n, "the number of tiles")),
                  static_cast<unsigned>(splits));
  backend.run({name, grid, Shape::threads, Product::shared_bytes, gemm.bytes, 2 * gemm.m * gemm.n * gemm.k},
              gemm_kernel<Product, aligned>, arguments);
  if (splits == 1) return;
  const auto sum = [&](auto type) {
    using T = decltype(type);
    sum_partials(backend, "gemm_sum", arguments.partials, splits, gemm.m * gemm.n,
                 StoreGemm<T>{gemm.c.as<T>(), gemm.bias, gemm.n, gemm.write});
  };
  if (arguments.c_is_bf16)
    sum(Bf16());
  else
    sum(float());
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
