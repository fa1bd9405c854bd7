#include "data/image/exif.h"

#include "data/image/byte_reader.h"

namespace xr::data {

int exif_orientation(std::span<const std::byte> block) {
  constexpr std::uint32_t orientation_tag = 0x0112, entry_bytes = 12;
  if (starts_with(block, {"Exif\0\0", 6})) block = block.subspan(6);
  const bool little = starts_with(block, {"II*\0", 4});
  if (!little && !starts_with(block, {"MM\0*", 4})) return 1;
  const ByteReader reader(block);
  const auto u16 = [&](std::size_t at) { return little ? reader.little16(at) : reader.big16(at); };
  const auto u32 = [&](std::size_t at) { return little ? reader.little32(at) : reader.big32(at); };
  if (block.size() < 8) return 1;
  const std::size_t directory = u32(4);
  if (directory + 2 > block.size()) return 1;
  const std::size_t entries = u16(directory);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t at = directory + 2 + i * entry_bytes;
    if (at + entry_bytes > block.size()) return 1;
    if (u16(at) != orientation_tag) continue;
    const auto value = static_cast<int>(u16(at + 8));
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

}  // namespace xr::data
