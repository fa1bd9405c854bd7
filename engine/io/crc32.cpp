#include "engine/io/crc32.h"

#include <array>

namespace xr::engine {

namespace {

constexpr std::array<std::uint32_t, 256> crc32_of_bytes = [] {
  std::array<std::uint32_t, 256> values{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value & 1 ? 0xEDB88320u : 0u) ^ value >> 1;
    values[i] = value;
  }
  return values;
}();

}  // namespace

std::uint32_t crc32(std::span<const std::byte> bytes, std::uint32_t before) {
  std::uint32_t crc = ~before;
  for (const std::byte byte : bytes)
    crc = crc32_of_bytes[(crc ^ static_cast<std::uint32_t>(byte)) & 0xFF] ^ crc >> 8;
  return ~crc;
}

}  // namespace xr::engine
