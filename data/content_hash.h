#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace xr::data {

/// 64-bit content hash for checksums and cache keys: fast, well mixed, not cryptographic. Chain calls through
/// `seed`.
std::uint64_t content_hash(std::span<const std::byte> bytes, std::uint64_t seed = 0);

}  // namespace xr::data
