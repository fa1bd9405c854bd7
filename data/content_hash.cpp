#include "data/content_hash.h"

#include <algorithm>
#include <cstring>

namespace xr::data {

namespace {

std::uint64_t mix(std::uint64_t value) {  // the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014)
  value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9u;
  value = (value ^ value >> 27) * 0x94D049BB133111EBu;
  return value ^ value >> 31;
}

constexpr std::uint64_t odd = 0x9E3779B97F4A7C15u;

}  // namespace

// Four independent lanes of 8 bytes keep the multiplier busy; lengths and lanes are mixed in at the end.
ContentHasher::ContentHasher(std::uint64_t seed)
    : seed_(seed), lane_{seed ^ odd, seed + odd, mix(seed), ~seed} {}

inline void ContentHasher::add_block(const std::byte* bytes) {
  for (std::size_t i = 0; i < 4; ++i) {
    std::uint64_t word;
    std::memcpy(&word, bytes + 8 * i, 8);
    lane_[i] = (lane_[i] ^ word) * odd;
    lane_[i] ^= lane_[i] >> 29;
  }
}

void ContentHasher::add(std::span<const std::byte> bytes) {
  const std::size_t have = size_ % block;
  size_ += bytes.size();
  if (have > 0) {
    const std::size_t part = std::min(block - have, bytes.size());
    std::memcpy(rest_ + have, bytes.data(), part);
    bytes = bytes.subspan(part);
    if (have + part < block) return;
    add_block(rest_);
  }
  for (; bytes.size() >= block; bytes = bytes.subspan(block)) add_block(bytes.data());
  if (!bytes.empty()) std::memcpy(rest_, bytes.data(), bytes.size());
}

std::uint64_t ContentHasher::value() const {
  std::uint64_t hash = mix(seed_ + size_);
  for (const std::uint64_t value : lane_) hash = mix(hash * odd + value);
  for (std::size_t i = 0; i < size_ % block; ++i) hash = (hash ^ static_cast<std::uint64_t>(rest_[i])) * odd;
  return mix(hash);
}

std::uint64_t content_hash(std::span<const std::byte> bytes, std::uint64_t seed) {
  ContentHasher hasher(seed);
  hasher.add(bytes);
  return hasher.value();
}

}  // namespace xr::data
