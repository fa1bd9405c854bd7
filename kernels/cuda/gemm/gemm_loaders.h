// How a block brings tiles of its operands to shared memory. A loader is made once; each load(tile) then
// queues this thread's copies of the next depth tile. What lies outside of the matrix becomes zero: a copy of
// no valid bytes reads nothing, whatever its address.
#pragma once

#include <cstdint>
#include <type_traits>

#include "kernels/cuda/device/grid.h"
#include "kernels/cuda/elements.h"
#include "kernels/cuda/gemm/gemm_fragments.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

/// Which chunks of a tile a thread copies: the same place in every `step`-th row.
template <class Tile, int Threads>
struct ChunkOrder {
  static constexpr int per_row = Tile::columns / Tile::chunk;
  static constexpr int step = Threads / per_row, count = Tile::rows / step;
  static_assert(Threads % per_row == 0 && Tile::rows % step == 0);

  [[nodiscard]] __device__ __forceinline__ static int row() {
    return static_cast<int>(threadIdx.x) / per_row;
  }
  [[nodiscard]] __device__ __forceinline__ static int column() {
    return static_cast<int>(threadIdx.x) % per_row * Tile::chunk;
  }
};

/// Tiles of a matrix whose rows lie `stride` apart and whose columns are neighbours; the depth runs along the
/// columns if Tile::depth_contiguous, else along the rows. The address, the stride and the length of a row
/// must be multiples of 16 bytes.
template <class Tile, int Threads>
class MatrixLoader {
  using T = typename Tile::Element;
  using Order = ChunkOrder<Tile, Threads>;

 public:
  /// Begins with row `row`, column `column` of the matrix, which ends before end_row, end_column.
  __device__ MatrixLoader(const T* matrix, std::int64_t stride, int row, int end_row, int column,
                          int end_column)
      : from_(matrix + (row + Order::row()) * stride + column + Order::column()),
        stride_(stride),
        rows_(end_row - row - Order::row()),
        columns_(end_column - column - Order::column()) {}

  __device__ __forceinline__ void load(T* tile) {
#pragma unroll
    for (int i = 0; i < Order::count; ++i) {
      const int row = i * Order::step;
      const int bytes = row < rows_ && columns_ > 0 ? 16 : 0;
      copy_async<16>(tile + Tile::offset(Order::row() + row, Order::column()), from_ + row * stride_, bytes);
    }
    if constexpr (Tile::depth_contiguous) {
      from_ += Tile::depth;
      columns_ -= Tile::depth;
    } else {
      from_ += Tile::depth * stride_;
      rows_ -= Tile::depth;
    }
  }

 private:
  const T* from_;
  std::int64_t stride_;
  int rows_, columns_;  // left, from this thread's first chunk on
};

/// An operand anywhere in memory: element (i, k) of extent and depth is data[i * extent_stride + k *
/// depth_stride], f32 or bf16.
struct StridedOperand {
  const void* data;
  std::int64_t extent_stride, depth_stride;
  bool is_bf16;
};

/// Tiles of any operand, element by element: for sizes and addresses that are no multiple of 16 bytes.
template <class Tile, int Threads>
class StridedLoader {
  using T = typename Tile::Element;

 public:
  __device__ StridedLoader(const StridedOperand& operand, int extent, int end_extent, int depth,
                           int end_depth)
      : operand_(operand), extent_(extent), end_extent_(end_extent), depth_(depth), end_depth_(end_depth) {}

  __device__ __forceinline__ void load(T* tile) {
    if (std::is_same_v<T, Bf16> && operand_.is_bf16)  // products of f32 numbers have no bf16 operands
      load_from(static_cast<const Bf16*>(operand_.data), tile);
    else
      load_from(static_cast<const float*>(operand_.data), tile);
    depth_ += Tile::depth;
  }

 private:
  template <class From>
  __device__ __forceinline__ void load_from(const From* data, T* tile) {
    static_assert(Tile::depth_contiguous);
    static_assert(Tile::extent * Tile::depth % (batch * Threads) == 0);
    if (operand_.depth_stride == 1)  // neighbouring threads take neighbours in memory
      load_along_depth(data, tile);
    else
      load_along_extent(data, tile);
  }

  template <class From>
  __device__ __forceinline__ void load_along_depth(const From* data, T* tile) {
#pragma unroll 1
    for (int first = static_cast<int>(threadIdx.x); first < Tile::extent * Tile::depth;
         first += batch * Threads) {
      From values[batch];
      int to[batch];
#pragma unroll
      for (int b = 0; b < batch; ++b) {
        const int index = first + b * Threads;
        const int i = index / Tile::depth, k = index % Tile::depth;
        const bool exists = extent_ + i < end_extent_ && depth_ + k < end_depth_;
        values[b] = exists ? data[(extent_ + i) * operand_.extent_stride + depth_ + k] : From{};
        to[b] = Tile::offset(i, k);
      }
#pragma unroll
      for (int b = 0; b < batch; ++b) tile[to[b]] = from_float<T>(to_float(values[b]));
    }
  }

  /// A thread takes `batch` neighbours of the depth, so that it stores whole chunks: single elements, whose
  /// rows are all the banks apart, would meet in few of them.
  template <class From>
  __device__ __forceinline__ void load_along_extent(const From* data, T* tile) {
#pragma unroll 1
    for (int index = static_cast<int>(threadIdx.x); index < Tile::extent * Tile::depth / batch;
         index += Threads) {
      const int i = index % Tile::extent, first = index / Tile::extent * batch;
      const std::int64_t offset =
          (extent_ + i) * operand_.extent_stride + (depth_ + first) * operand_.depth_stride;
      From values[batch];
#pragma unroll
      for (int b = 0; b < batch; ++b) {
        const bool exists = extent_ + i < end_extent_ && depth_ + first + b < end_depth_;
        values[b] = exists ? data[offset + b * operand_.depth_stride] : From{};
      }
#pragma unroll
      for (int b = 0; b < batch; b += Tile::chunk) {
        Elements<T, Tile::chunk> chunk;
#pragma unroll
        for (int k = 0; k < Tile::chunk; ++k) chunk.value[k] = to_float(values[b + k]);
        chunk.store(tile + Tile::offset(i, first + b));
      }
    }
  }

  static constexpr int batch = 8;  // loads in flight
  StridedOperand operand_;
  int extent_, end_extent_, depth_, end_depth_;
};

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
