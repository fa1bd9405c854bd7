// The second pass of sums that a first pass split: result[i] = sum over s of partials[s][i], in fixed order.
//
// Bytes: splits * count * 4 read, and what Store writes; one addition for each value read. A group of threads
// takes 32 neighbouring elements (128 bytes of each split) and cuts the splits among up to 8 rows of threads,
// so that small results of many splits have enough loads in flight. A block has 8 rows: with fewer splits,
// several groups.
#pragma once

#include <cstdint>

#include "kernels/cuda/device/grid.h"
#include "kernels/cuda/kernel_backend.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

constexpr int partial_columns = 32, max_partial_rows = 8;

/// Rows of threads for so many splits: split s is the (s % rows)-th one's.
[[nodiscard]] inline int partial_rows(int splits) {
  return std::clamp(splits, 1, max_partial_rows);
}
/// Groups of so many rows in a block.
[[nodiscard]] inline int partial_groups(int rows) {
  return max_partial_rows / rows;
}

/// The sum of one row of threads: partials[row], partials[row + rows] and so on, `stride` apart.
[[nodiscard]] __device__ __forceinline__ float sum_row(const float* partials, std::int64_t stride, int splits,
                                                       int row, int rows) {
  float sum = 0.0f;
  partials += row * stride;
#pragma unroll 4
  for (int split = row; split < splits; split += rows) {
    sum += *partials;
    partials += rows * stride;
  }
  return sum;
}

/// store(i, sum) is called once for each element i.
template <class Store>
__global__ void __launch_bounds__(partial_columns* max_partial_rows)
    sum_partials_kernel(const float* partials, int splits, int rows, std::int64_t count, Store store) {
  XR_DYNAMIC_SHARED(float, sums);  // [group][row][column]
  const int y = static_cast<int>(threadIdx.y), group = y / rows, row = y - group * rows;
  const int groups = static_cast<int>(blockDim.y) / rows;
  const std::int64_t i =
      (static_cast<std::int64_t>(blockIdx.x) * groups + group) * partial_columns + threadIdx.x;
  float* const mine = sums + y * partial_columns + threadIdx.x;
  float sum = i < count ? sum_row(partials + i, count, splits, row, rows) : 0.0f;
  *mine = sum;
  __syncthreads();
  if (row != 0 || i >= count) return;
  for (int r = 1; r < rows; ++r) sum += mine[r * partial_columns];
  store(i, sum);
}

/// Queues the second pass. Its bytes and operations are no part of the operation's own, which the first
/// pass states.
template <class Store>
void sum_partials(KernelBackend& backend, const char* name, const float* partials, int splits,
                  std::int64_t count, const Store& store) {
  if (count == 0) return;
  const int rows = partial_rows(splits), groups = partial_groups(rows);
  const auto blocks = static_cast<unsigned>(
      to_int(ceil_div(count, static_cast<std::int64_t>(partial_columns) * groups), "the number of blocks"));
  const dim3 block(partial_columns, static_cast<unsigned>(rows * groups));
  backend.run({name, blocks, block, block.x * block.y * sizeof(float)}, sum_partials_kernel<Store>, partials,
              splits, rows, count, store);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
