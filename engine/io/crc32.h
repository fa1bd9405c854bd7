// The checksum of PNG and zip.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace xr::engine {

/// CRC-32 (ISO 3309, polynomial 0xEDB88320 reflected). In parts: `before` is that of the bytes in front.
[[nodiscard]] std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t before = 0);

}  // namespace xr::engine
