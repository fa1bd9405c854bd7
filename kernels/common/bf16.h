// bfloat16: the upper half of a float, for activations and the operands of tensor cores. Arithmetic is done
// in float.
#pragma once

#include <cstdint>
#include <cstring>

#include "kernels/common/random.h"

namespace xr::kernels {

struct Bf16 {
  std::uint16_t bits;
};

XR_HOST_DEVICE inline float to_float(float value) {
  return value;
}

XR_HOST_DEVICE inline float to_float(Bf16 value) {
  const std::uint32_t bits = static_cast<std::uint32_t>(value.bits) << 16;
  float result;
  memcpy(&result, &bits, sizeof result);
  return result;
}

/// Rounds to nearest, ties to even; NaN stays NaN.
template <class T>
XR_HOST_DEVICE inline T from_float(float value);

template <>
XR_HOST_DEVICE inline float from_float<float>(float value) {
  return value;
}

template <>
XR_HOST_DEVICE inline Bf16 from_float<Bf16>(float value) {
  std::uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  const std::uint32_t rounded = (bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16;
  const bool is_nan = (bits & 0x7FFFFFFFu) > 0x7F800000u;
  return {static_cast<std::uint16_t>(is_nan ? 0x7FC0u : rounded)};
}

}  // namespace xr::kernels
