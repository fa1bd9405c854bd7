#include "data/content_hash.h"

#include <cstring>

namespace xr::data {

namespace {

std::uint64_t mix(std::uint64_t value) {  // the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014)
  value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9u;
  value = (value ^ value >> 27) * 0x94D049BB133111EBu;
  return value ^ value >> 31;
}

}  // namespace

std::uint64_t content_hash(std::span<const std::byte> bytes, std::uint64_t seed) {
  // Four independent lanes of 8 bytes keep the multiplier busy; lengths and lanes are mixed in at the end.
  constexpr std::uint64_t odd = 0x9E3779B97F4A7C15u;
  std::uint64_t lane[4] = {seed ^ odd, seed + odd, mix(seed), ~seed};
  std::size_t position = 0;
  for (; position + 32 <= bytes.size(); position += 32)
    for (std::size_t i = 0; i < 4; ++i) {
      std::uint64_t word;
      std::memcpy(&word, bytes.data() + position + 8 * i, 8);
      lane[i] = (lane[i] ^ word) * odd;
      lane[i] ^= lane[i] >> 29;
    }
  std::uint64_t hash = mix(seed + bytes.size());
  for (const std::uint64_t value : lane) hash = mix(hash * odd + value);
  for (; position < bytes.size(); ++position)
    hash = (hash ^ static_cast<std::uint64_t>(bytes[position])) * odd;
  return mix(hash);
}

}  // namespace xr::data
