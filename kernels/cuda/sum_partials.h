// The second pass of sums that a first pass split: result[i] = sum over s of partials[s][i], in fixed order.
//
// Bytes: splits * count * 4 read, and what Store writes; one addition for each value read. A block takes 32
// neighbouring elements (128 bytes of each split) and cuts the splits among 8 rows of threads, so that small
// results of many splits have enough loads in flight.
#pragma once

#include <cstdint>

#include "kernels/cuda/device/grid.h"
#include "kernels/cuda/kernel_backend.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

constexpr int partial_columns = 32, partial_rows = 8;

/// store(i, sum) is called once for each element i.
template <class Store>
__global__ void __launch_bounds__(partial_columns* partial_rows)
    sum_partials_kernel(const float* partials, int splits, std::int64_t count, Store store) {
  XR_DYNAMIC_SHARED(float, sums);  // [row][column]
  const int column = static_cast<int>(threadIdx.x) % partial_columns;
  const int row = static_cast<int>(threadIdx.x) / partial_columns;
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * partial_columns + column;
  float sum = 0.0f;
  if (i < count) {
#pragma unroll 4
    for (int split = row; split < splits; split += partial_rows) sum += partials[split * count + i];
  }
  sums[threadIdx.x] = sum;
  __syncthreads();
  if (row != 0 || i >= count) return;
#pragma unroll
  for (int r = 1; r < partial_rows; ++r) sum += sums[r * partial_columns + column];
  store(i, sum);
}

/// Queues the second pass. Its bytes and operations are no part of the operation's own, which the first
/// pass states.
template <class Store>
void sum_partials(KernelBackend& backend, const char* name, const float* partials, int splits,
                  std::int64_t count, const Store& store) {
  if (count == 0) return;
  const auto blocks = static_cast<unsigned>(to_int(ceil_div(count, partial_columns), "the number of blocks"));
  constexpr int threads = partial_columns * partial_rows;
  backend.run({name, blocks, threads, threads * sizeof(float)}, sum_partials_kernel<Store>, partials, splits,
              count, store);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
