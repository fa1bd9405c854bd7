// Reductions within a warp or a block, in an order that depends on nothing but the block's shape.
#pragma once

#include "kernels/cuda/device/device.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

constexpr unsigned whole_warp = 0xFFFFFFFFu;

/// The sum of all lanes, in every lane. All lanes must call.
template <class Value>
[[nodiscard]] __device__ __forceinline__ Value warp_sum(Value value) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) value += __shfl_xor_sync(whole_warp, value, distance);
  return value;
}

/// Adds up, by Value::add, the values of the threads with the same threadIdx.x, as a tree over threadIdx.y;
/// the result is the thread's with threadIdx.y == 0. `shared` holds a Value for every thread of the block.
/// All threads must call; the last thing that is done is a barrier.
template <class Value>
[[nodiscard]] __device__ Value combine_rows(Value value, Value* shared) {
  const unsigned self = threadIdx.y * blockDim.x + threadIdx.x;
  shared[self] = value;
  __syncthreads();
  for (unsigned rows = blockDim.y; rows > 1;) {
    const unsigned half = (rows + 1) / 2;
    if (threadIdx.y + half < rows) {
      value.add(shared[self + half * blockDim.x]);
      shared[self] = value;
    }
    __syncthreads();
    rows = half;
  }
  return value;
}

/// Sums that belong together, such as those of Count neighbouring columns.
template <class Number, int Count>
struct Sums {
  Number value[Count];

  [[nodiscard]] __device__ static Sums zero() {
    Sums result;
#pragma unroll
    for (Number& number : result.value) number = 0;
    return result;
  }
  __device__ void add(const Sums& other) {
#pragma unroll
    for (int i = 0; i < Count; ++i) value[i] += other.value[i];
  }
};

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
