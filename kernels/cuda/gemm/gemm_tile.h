// One block's tile of a matrix product on tensor cores: sums (m x n) += a (m x depth) b (depth x n), the
// operands coming through a ring of stages in shared memory that cp.async fills ahead of time.
//
// Per depth step of 32 (f32) a block of 128 x 64 reads 24 KB from the L2 cache for 524 288 operations; what
// binds it is the reading of fragments from shared memory: a warp's 64 x 32 takes 12 KB for 131 072
// operations.
//
// Which warp owns which results, for TileShape<128, 64, 2, 2, 3>, four warps of 64 x 32:
//
//            n 0          32          64
//      m 0   +-----------+-----------+       one warp: tiles_m x tiles_n = 4 x 4 instructions of 16 x 8
//            |           |           |
//            |  warp 0   |  warp 1   |             n 0    8    16   24
//            |           |           |       m  0  +----+----+----+----+   a[0] serves this row,
//      64    +-----------+-----------+          16 +----+----+----+----+   b[0] this first column;
//            |           |           |          32 +----+----+----+----+   sums_[i][j] lies at
//            |  warp 2   |  warp 3   |          48 +----+----+----+----+   (16 i, 8 j)
//            |           |           |
//      128   +-----------+-----------+       which lane has which of the 16 x 8: gemm_fragments.h
//
// Shared memory: `stages` times the tiles of a (m x depth), then b (depth x n); while stage s is multiplied,
// the copies of the next stages are on their way. The results then take the same memory, row by row.
#pragma once

#include <cstdint>
#include <type_traits>

#include "kernels/cuda/device/grid.h"
#include "kernels/cuda/elements.h"
#include "kernels/cuda/gemm/gemm_fragments.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

/// M x N results for each block of WarpsM x WarpsN warps, Stages tiles of operands in shared memory.
/// One stage: a tile is copied, then multiplied; more: the next ones are on their way meanwhile.
template <int M, int N, int WarpsM, int WarpsN, int Stages, bool HaloTile = false>
struct TileShape {
  /// Of convolutions, as BackendOptions::variant calls them.
  static constexpr const char* family = HaloTile      ? "halo_tile"
                                        : Stages == 1 ? "implicit_gemm_single_stage"
                                                      : "implicit_gemm_pipelined";
  static constexpr int m = M, n = N, stages = Stages;
  static constexpr int warps_n = WarpsN, threads = 32 * WarpsM * WarpsN;
  static constexpr int warp_m = M / WarpsM, warp_n = N / WarpsN;  ///< results of one warp
  static_assert(warp_m % 16 == 0 && warp_n % 16 == 0);
};

/// Blocks that fill a GPU: two on each multiprocessor.
constexpr std::int64_t blocks_to_fill = 2 * multiprocessors;

[[nodiscard]] inline bool is_aligned(const void* address) {
  return reinterpret_cast<std::uintptr_t>(address) % 16 == 0;
}

/// For __launch_bounds__. Left to itself the compiler fits three blocks of tf32x3 on a multiprocessor, whose
/// registers then hold so few fragments that each product waits for the one before.
template <Math math>
constexpr int min_blocks = math == Math::tf32x3 ? 2 : 0;

/// Bytes of operands of one stage for each row or column of the tile: a line of all 32 banks.
constexpr int stage_row_bytes = 128;

/// Calls multiply(stage) for `tiles` tiles in turn, each after load(stage) has queued its copies: with more
/// than one stage the tiles ahead are on their way meanwhile. Ends with all threads past the last tile.
template <int Stages, class Load, class Multiply>
__device__ __forceinline__ void in_pipeline(int tiles, Load&& load, Multiply&& multiply) {
  if constexpr (Stages == 1) {
    for (int tile = 0; tile < tiles; ++tile) {
      load(0);
      copy_async_commit();
      copy_async_wait<0>();
      __syncthreads();
      multiply(0);
      __syncthreads();
    }
  } else {
    for (int tile = 0; tile < Stages - 1; ++tile) {
      if (tile < tiles) load(tile);
      copy_async_commit();
    }
    int stage = 0, ahead = Stages - 1;
    for (int tile = 0; tile < tiles; ++tile) {
      copy_async_wait<Stages - 2>();
      __syncthreads();  // this tile is here, and the stage of the tile before it is free
      if (tile + Stages - 1 < tiles) load(ahead);
      copy_async_commit();  // perhaps nothing: so the number of groups behind this tile is always the same
      multiply(stage);
      stage = stage + 1 == Stages ? 0 : stage + 1;
      ahead = ahead + 1 == Stages ? 0 : ahead + 1;
    }
    copy_async_wait<0>();
    __syncthreads();
  }
}

/// The sums of a block's tile, spread over the registers of its threads.
template <class Shape_, Math math_>
class TileSums {
 public:
  using Shape = Shape_;
  static constexpr Math math = math_;
  static constexpr int tiles_m = Shape::warp_m / 16, tiles_n = Shape::warp_n / 8;  ///< instructions of a warp
  /// The results pass through shared memory; rows padded so that a warp's fragments meet no bank twice.
  static constexpr int result_stride = Shape::n + 8;
  static constexpr int result_bytes = Shape::m * result_stride * static_cast<int>(sizeof(float));

  __device__ TileSums() {
#pragma unroll
    for (auto& row : sums_)
#pragma unroll
      for (auto& tile : row)
#pragma unroll
        for (float& sum : tile) sum = 0.0f;
  }

  /// First row and column of this warp's part of the tile.
  [[nodiscard]] __device__ __forceinline__ static int warp_row() {
    return static_cast<int>(threadIdx.x) / 32 / Shape::warps_n * Shape::warp_m;
  }
  [[nodiscard]] __device__ __forceinline__ static int warp_column() {
    return static_cast<int>(threadIdx.x) / 32 % Shape::warps_n * Shape::warp_n;
  }

  /// One depth step of the warp.
  __device__ __forceinline__ void add(const Fragment<math, 4> (&a)[tiles_m],
                                      const Fragment<math, 2> (&b)[tiles_n]) {
#pragma unroll
    for (int i = 0; i < tiles_m; ++i)
#pragma unroll
      for (int j = 0; j < tiles_n; ++j) multiply_add(sums_[i][j], a[i], b[j]);
  }

  /// Lays the sums out in shared memory, row by row, result_stride apart; ends with a barrier.
  __device__ __forceinline__ void to_shared(float* result) const {
    const int lane = static_cast<int>(threadIdx.x) % 32;
#pragma unroll
    for (int i = 0; i < tiles_m; ++i)
#pragma unroll
      for (int j = 0; j < tiles_n; ++j) {
        float* to =
            result + (warp_row() + 16 * i + lane / 4) * result_stride + warp_column() + 8 * j + lane % 4 * 2;
        *reinterpret_cast<float2*>(to) = make_float2(sums_[i][j][0], sums_[i][j][1]);
        *reinterpret_cast<float2*>(to + 8 * result_stride) = make_float2(sums_[i][j][2], sums_[i][j][3]);
      }
    __syncthreads();
  }

 private:
  float sums_[tiles_m][tiles_n][4];
};

template <class Shape_, class A_, class B_>
class TileProduct : public TileSums<Shape_, A_::math> {
 public:
  using Shape = Shape_;
  using A = A_;
  using B = B_;
  using Sums = TileSums<Shape_, A_::math>;
  using Sums::math, Sums::tiles_m, Sums::tiles_n;
  static constexpr int depth = A::depth;
  static constexpr int stage_bytes = A::bytes + B::bytes;
  static constexpr int shared_bytes =
      Shape::stages * stage_bytes > Sums::result_bytes ? Shape::stages* stage_bytes : Sums::result_bytes;
  static_assert(B::math == math && B::depth == depth && A::extent == Shape::m && B::extent == Shape::n);

  /// Adds `depth_tiles` tiles. load_a.load(tile) and load_b.load(tile) queue the copies of the next tile in
  /// order; on_fragment(i, a) sees the warp's fragments of rows 16 i to 16 i + 15. Ends with all threads past
  /// the last tile, so that `shared` is free.
  template <class LoadA, class LoadB, class OnFragment>
  __device__ __forceinline__ void run(LoadA& load_a, LoadB& load_b, int depth_tiles, char* shared,
                                      OnFragment&& on_fragment) {
    using ElementA = typename A::Element;
    using ElementB = typename B::Element;
    in_pipeline<Shape::stages>(
        depth_tiles,
        [&](int stage) {
          load_a.load(reinterpret_cast<ElementA*>(shared + stage * stage_bytes));
          load_b.load(reinterpret_cast<ElementB*>(shared + stage * stage_bytes + A::bytes));
        },
        [&](int stage) {
          const char* from = shared + stage * stage_bytes;
          multiply(reinterpret_cast<const ElementA*>(from),
                   reinterpret_cast<const ElementB*>(from + A::bytes), on_fragment);
        });
  }

 private:
  template <class OnFragment>
  __device__ __forceinline__ void multiply(const typename A::Element* a_tile,
                                           const typename B::Element* b_tile, OnFragment&& on_fragment) {
    const int lane = static_cast<int>(threadIdx.x) % 32;
    const int a_from = A::first_operand(Sums::warp_row(), lane);
    const int b_from = B::second_operand(Sums::warp_column(), lane);
#pragma unroll
    for (int k = 0; k < depth; k += mma_depth(math)) {
      Fragment<math, 4> a[tiles_m];
      Fragment<math, 2> b[tiles_n];
#pragma unroll
      for (int i = 0; i < tiles_m; ++i) {
        A::load(a[i], a_tile, a_from, 16 * i, k);
        on_fragment(i, a[i]);
      }
#pragma unroll
      for (int j = 0; j < tiles_n; j += 2) B::load(b[j], b[j + 1], b_tile, b_from, 8 * j, k);
      this->add(a, b);
    }
  }
};

/// Writes the tile that lies in shared memory after to_shared, whose first column is `first_column` of
/// `columns`: its row r goes to the elements from row_offset(r) + first_column on, or nowhere if
/// row_offset(r) is negative. bias (by column) may be null. In pieces of 16 bytes if `aligned`: columns and
/// each row_offset are then multiples of them.
template <class Product, class T, class RowOffset>
__device__ __forceinline__ void write_results(const float* result, int first_column, int columns, T* to,
                                              const RowOffset& row_offset, const float* bias,
                                              GradientWrite write, bool aligned) {
  constexpr int width = vector_width<T>;
  constexpr int pieces = Product::Shape::n / width;  // of a row
  static_assert(Product::Shape::threads % pieces == 0);
  const int column = static_cast<int>(threadIdx.x) % pieces * width;
  const int valid = columns - first_column - column;  // columns of this thread that exist
  if (valid <= 0) return;
  float offsets[width] = {};
#pragma unroll
  for (int i = 0; i < width; ++i)
    if (bias != nullptr && i < valid) offsets[i] = bias[first_column + column + i];
  constexpr int rows = Product::Shape::threads / pieces;  // at a time
  static_assert(Product::Shape::m % (4 * rows) == 0);
  const auto write_row = [&](int first_row, auto in_pieces) {
    const int row = first_row + static_cast<int>(threadIdx.x) / pieces;
    const std::int64_t offset = row_offset(row);
    if (offset < 0) return;
    const float* from = result + row * Product::result_stride + column;
    T* const target = to + offset + first_column + column;
    Elements<T, width> values;
#pragma unroll
    for (int i = 0; i < width; ++i) values.value[i] = from[i] + offsets[i];
    if constexpr (in_pieces) {
      values.write(target, write);
    } else {
#pragma unroll
      for (int i = 0; i < width; ++i)
        if (i < valid) Elements<T, 1>{{values.value[i]}}.write(target + i, write);
    }
  };
  if (aligned) {
#pragma unroll 4
    for (int row = 0; row < Product::Shape::m; row += rows) write_row(row, std::true_type());
  } else {
#pragma unroll 1
    for (int row = 0; row < Product::Shape::m; row += rows) write_row(row, std::false_type());
  }
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
