// How many blocks a kernel gets, and index arithmetic that kernels share.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/common/error.h"
#include "kernels/cuda/device/device.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

[[nodiscard]] __host__ __device__ constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

/// Multiprocessors of an H100, and of a B200, the largest GPU so far. Constants, so that how sums are cut into
/// parts depends on the sizes alone and not on the device.
constexpr int multiprocessors = 132, max_multiprocessors = 148;

/// Blocks for a grid-stride loop: at most 64 for each multiprocessor of a large GPU, which are eight full waves
/// where eight blocks fit on one, so that a last wave that is not full costs little. For tests the environment
/// variable XR_MAX_BLOCKS gives fewer, so that threads take many turns over arrays that are not large.
[[nodiscard]] std::int64_t max_grid_stride_blocks();

/// Blocks for a grid-stride loop over `items`: a function of `items` alone, so that results do not depend on the
/// device.
[[nodiscard]] inline dim3 blocks_for(std::int64_t items, int threads) {
  return dim3(
      static_cast<unsigned>(std::clamp<std::int64_t>(ceil_div(items, threads), 1, max_grid_stride_blocks())));
}

/// A size as the kernels' 32-bit index type.
[[nodiscard]] inline int to_int(std::int64_t value, const char* what) {
  XR_CHECK(value >= 0 && value <= 0x7FFFFFFF, "{} is {}: a CUDA kernel takes at most 2147483647", what,
           value);
  return static_cast<int>(value);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
