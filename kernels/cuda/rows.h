// The rows of a contiguous (N, classes) tensor, each shared by a warp or, where there are many classes, by a
// block: for softmax, log_softmax and cross_entropy.
#pragma once

#include <limits>

#include "kernels/common/checks.h"
#include "kernels/cuda/elements.h"
#include "kernels/cuda/kernel_backend.h"
#include "kernels/cuda/reduce.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

constexpr int row_threads = 256, row_warps = row_threads / 32, max_classes_of_warp = 1024;

/// sum over i of exp(x_i), as exp(maximum) * sum, so that no exponential overflows: found in one pass.
/// Milakov, Gimelshein: "Online normalizer calculation for softmax", 2018.
struct ExponentialSum {
  float maximum, sum;

  /// Of no elements.
  [[nodiscard]] __device__ static ExponentialSum zero() {
    return {-std::numeric_limits<float>::infinity(), 0.0f};
  }
  __device__ void add(float x) {
    const float larger = fmaxf(maximum, x);
    sum = sum * shrink(maximum, larger) + shrink(x, larger);
    maximum = larger;
  }
  /// As a multiple of exp(larger).
  [[nodiscard]] __device__ float sum_under(float larger) const { return sum * shrink(maximum, larger); }

 private:
  /// exp(from - to), also if both are -infinity.
  [[nodiscard]] __device__ static float shrink(float from, float to) {
    return from == to ? 1.0f : expf(from - to);
  }
};

/// The threads that share a row: a warp, of which a block holds row_warps, or a block.
template <bool WholeBlock>
struct RowGroup {
  std::int64_t row;
  int rank, size;

  [[nodiscard]] __device__ static RowGroup of_thread() {
    const int thread = static_cast<int>(threadIdx.x);
    if constexpr (WholeBlock) return {static_cast<std::int64_t>(blockIdx.x), thread, row_threads};
    return {static_cast<std::int64_t>(blockIdx.x) * row_warps + thread / 32, thread % 32, 32};
  }

  /// operation(a, b) over the values of all threads, in every thread and in a fixed order: it must not matter
  /// which of a and b is which. All threads of the group must call.
  template <class Operation>
  [[nodiscard]] __device__ float combine(float value, Operation operation) const {
#pragma unroll
    for (int distance = 16; distance > 0; distance /= 2)
      value = operation(value, __shfl_xor_sync(whole_warp, value, distance));
    if constexpr (WholeBlock) {
      __shared__ float of_warp[row_warps];
      if (rank % 32 == 0) of_warp[rank / 32] = value;
      __syncthreads();
      value = of_warp[0];
#pragma unroll
      for (int warp = 1; warp < row_warps; ++warp) value = operation(value, of_warp[warp]);
      __syncthreads();  // before the next call writes
    }
    return value;
  }
  [[nodiscard]] __device__ float sum(float value) const {
    return combine(value, [](float a, float b) { return a + b; });
  }
  [[nodiscard]] __device__ ExponentialSum sum(const ExponentialSum& part) const {
    const float largest = combine(part.maximum, [](float a, float b) { return fmaxf(a, b); });
    return {largest, sum(part.sum_under(largest))};
  }
};

/// The extents of a tensor of rows.
struct RowShape {
  std::int64_t rows;
  int classes;
};

[[nodiscard]] inline RowShape row_shape(const ConstView& view) {
  return {view.shape[0], to_int(view.shape[1], "the number of classes")};
}

/// Calls call(std::bool_constant<whole block per row?>(), grid).
template <class Call>
void with_row_group(const RowShape& shape, Call&& call) {
  if (shape.classes > max_classes_of_warp)
    call(std::true_type(), static_cast<unsigned>(to_int(shape.rows, "the number of rows")));
  else
    call(std::false_type(),
         static_cast<unsigned>(to_int(ceil_div(shape.rows, row_warps), "the number of blocks")));
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
