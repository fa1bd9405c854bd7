// Reductions within a warp or a block, in an order that depends on nothing but the block's shape.
#pragma once

#include <cstring>

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

/// In shared memory, a Value of each of Threads threads. A Value is several Value::Number; each of them has
/// an array of its own, so that neighbouring threads meet neighbouring banks.
template <class Value, int Threads>
class SharedValues {
  using Number = typename Value::Number;
  static constexpr int count = sizeof(Value) / sizeof(Number);

 public:
  __device__ __forceinline__ void store(unsigned thread, const Value& value) {
    Number numbers[count];
    memcpy(numbers, &value, sizeof value);
#pragma unroll
    for (int i = 0; i < count; ++i) numbers_[i][thread] = numbers[i];
  }
  [[nodiscard]] __device__ __forceinline__ Value load(unsigned thread) const {
    Number numbers[count];
#pragma unroll
    for (int i = 0; i < count; ++i) numbers[i] = numbers_[i][thread];
    Value value;
    memcpy(&value, numbers, sizeof value);
    return value;
  }

 private:
  Number numbers_[count][Threads];
};

/// Adds up, by Value::add, the values of the threads with the same threadIdx.x, as a tree over threadIdx.y;
/// the result is the thread's with threadIdx.y == 0. All threads must call; the last thing that is done is a
/// barrier.
template <class Value, int Threads>
[[nodiscard]] __device__ Value combine_rows(Value value, SharedValues<Value, Threads>& shared) {
  const unsigned self = threadIdx.y * blockDim.x + threadIdx.x;
  shared.store(self, value);
  __syncthreads();
  for (unsigned rows = blockDim.y; rows > 1;) {
    const unsigned half = (rows + 1) / 2;
    if (threadIdx.y + half < rows) {
      value.add(shared.load(self + half * blockDim.x));
      shared.store(self, value);
    }
    __syncthreads();
    rows = half;
  }
  return value;
}

/// Sums that belong together, such as those of Count neighbouring columns.
template <class Number_, int Count>
struct Sums {
  using Number = Number_;
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
