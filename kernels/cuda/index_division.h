// Division of an index of elements, which may have more than 32 bits, by an extent.
#pragma once

#include <cstdint>

#include "kernels/cuda/device/device.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

struct Division {
  std::int64_t quotient;
  int remainder;
};

/// For extent >= 1.
[[nodiscard]] __device__ __forceinline__ Division divide(unsigned index, int extent) {
  const unsigned divisor = static_cast<unsigned>(extent), quotient = index / divisor;
  return {quotient, static_cast<int>(index - quotient * divisor)};
}
/// For index >= 0.
[[nodiscard]] __device__ __forceinline__ Division divide(int index, int extent) {
  return divide(static_cast<unsigned>(index), extent);
}
/// For 0 <= index < 2^53. In 32 bits where the index fits, which is several times faster. Beyond, in double precision:
/// index is exact there, and as the distance of index / extent below a whole number, 1 / extent at least, is more than
/// half an ulp of the quotient, the rounded quotient never reaches that number. nvcc would write both a 32-bit and a
/// 64-bit division for integers.
[[nodiscard]] __device__ __forceinline__ Division divide(std::int64_t index, int extent) {
  if (index >> 32 == 0) return divide(static_cast<unsigned>(index), extent);
  const auto quotient = static_cast<std::int64_t>(static_cast<double>(index) / extent);
  return {quotient, static_cast<int>(index - quotient * extent)};
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
