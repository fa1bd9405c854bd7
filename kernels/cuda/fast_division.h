// Division of indices by a number that is the same for a whole launch: a multiplication and a shift instead
// of the 20 instructions of an integer division. (T. Granlund, P. Montgomery, "Division by invariant integers
// using multiplication", 1994, figure 4.1, for dividends below 2^31.)
#pragma once

#include <cstdint>

#include "kernels/cuda/device/device.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

class Divisor {
 public:
  Divisor() = default;
  /// 1 <= divisor < 2^31
  explicit Divisor(int divisor) : divisor_(divisor) {
    while (std::uint64_t{1} << shift_ < static_cast<std::uint64_t>(divisor)) ++shift_;
    const std::uint64_t wide = static_cast<std::uint64_t>(divisor);
    multiplier_ = static_cast<std::uint32_t>(
        ((std::uint64_t{1} << shift_) - wide) * (std::uint64_t{1} << 32) / wide + 1);
  }

  [[nodiscard]] __host__ __device__ int divisor() const { return divisor_; }

  /// For 0 <= value < 2^31.
  [[nodiscard]] __device__ __forceinline__ int quotient(int value) const {
    const auto dividend = static_cast<std::uint32_t>(value);
    return static_cast<int>((__umulhi(dividend, multiplier_) + dividend) >> shift_);
  }
  [[nodiscard]] __device__ __forceinline__ int remainder(int value, int quotient_of_value) const {
    return value - quotient_of_value * divisor_;
  }

 private:
  int divisor_ = 1;
  std::uint32_t multiplier_ = 1;
  int shift_ = 0;
};

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
