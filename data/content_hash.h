#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace xr::data {

/// 64-bit content hash for checksums and cache keys: fast, well mixed, not cryptographic. Chain calls through
/// `seed`.
std::uint64_t content_hash(std::span<const std::byte> bytes, std::uint64_t seed = 0);

/// content_hash of bytes that come in parts: the same value, however they are cut.
class ContentHasher {
 public:
  explicit ContentHasher(std::uint64_t seed = 0);
  void add(std::span<const std::byte> bytes);
  [[nodiscard]] std::uint64_t value() const;

 private:
  static constexpr std::size_t block = 32;  // four lanes of 8 bytes
  void add_block(const std::byte* bytes);

  std::uint64_t seed_, size_ = 0;
  std::uint64_t lane_[4];
  std::byte rest_[block];  ///< the last size_ % block bytes
};

}  // namespace xr::data
