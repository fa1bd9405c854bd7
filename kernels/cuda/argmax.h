// The winners that max pooling keeps: for each output, in the order of memory, the position in its window in
// as few bits as all positions need. 2 bits serve 2x2, 4 bits 3x3 and 4x4; others take 8 or 16. Bits of an
// element begin at bit number (offset * bits) of the array, the lowest bit of a byte first.
#pragma once

#include <cstdint>

#include "kernels/cuda/device/device.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

/// Bits for a window of so many positions, at most 65536.
[[nodiscard]] constexpr int argmax_bits(std::int64_t positions) {
  return positions <= 4 ? 2 : positions <= 16 ? 4 : positions <= 256 ? 8 : 16;
}

/// Outputs whose winners begin and end with a byte: what one thread must write alone.
[[nodiscard]] __host__ __device__ constexpr int argmax_group(int bits) {
  return bits < 8 ? 8 / bits : 1;
}

/// The winners of Count neighbours as one number, the first in the lowest bits.
template <class Packed, int Count>
__device__ __forceinline__ Packed pack_winners(const int (&winner)[Count], int bits) {
  Packed packed = 0;
#pragma unroll
  for (int i = 0; i < Count; ++i)
    packed = static_cast<Packed>(packed | static_cast<Packed>(winner[i]) << (i * bits));
  return packed;
}

/// Of Count outputs from `offset` on; both are multiples of argmax_group(bits), and offset * bits / 8 of the
/// number of bytes that are written at once.
template <int Count>
__device__ __forceinline__ void store_winners(std::uint8_t* argmax, std::int64_t offset, int bits,
                                              const int (&winner)[Count]) {
  std::uint8_t* to = argmax + offset * bits / 8;
  if (bits == 16) {
#pragma unroll
    for (int i = 0; i < Count; ++i)
      reinterpret_cast<std::uint16_t*>(to)[i] = static_cast<std::uint16_t>(winner[i]);
    return;
  }
  switch (Count * bits / 8) {
    case 1:
      *to = pack_winners<std::uint8_t>(winner, bits);
      return;
    case 2:
      *reinterpret_cast<std::uint16_t*>(to) = pack_winners<std::uint16_t>(winner, bits);
      return;
    case 4:
      *reinterpret_cast<std::uint32_t*>(to) = pack_winners<std::uint32_t>(winner, bits);
      return;
    default:
      *reinterpret_cast<std::uint64_t*>(to) = pack_winners<std::uint64_t>(winner, bits);
  }
}

/// Of Count outputs from `offset` on, a multiple of Count.
template <int Count>
__device__ __forceinline__ void load_winners(const std::uint8_t* argmax, std::int64_t offset, int bits,
                                             int (&winner)[Count]) {
  const std::uint8_t* from = argmax + offset * bits / 8;
  if (bits == 16) {
#pragma unroll
    for (int i = 0; i < Count; ++i) winner[i] = reinterpret_cast<const std::uint16_t*>(from)[i];
    return;
  }
  std::uint64_t packed = 0;
  switch (Count * bits) {
    case 16:
      packed = *reinterpret_cast<const std::uint16_t*>(from);
      break;
    case 32:
      packed = *reinterpret_cast<const std::uint32_t*>(from);
      break;
    case 64:
      packed = *reinterpret_cast<const std::uint64_t*>(from);
      break;
    default:  // one byte, or a part of it
      packed = static_cast<unsigned>(*from) >> (offset * bits % 8);
  }
#pragma unroll
  for (int i = 0; i < Count; ++i) winner[i] = static_cast<int>(packed >> (i * bits) & ((1u << bits) - 1));
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
