// Small PNG files for tests, with alpha.
#pragma once

#include "tests/data/support.h"

namespace xr::data::test {

inline std::uint32_t crc_of(std::span<const std::byte> bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const std::byte byte : bytes) {
    crc ^= static_cast<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xEDB88320u : 0u);
  }
  return ~crc;
}

inline void append_big32(std::vector<std::byte>& bytes, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::byte>(value >> shift));
}

inline std::vector<std::byte> png_chunk(std::string_view type, std::span<const std::byte> data) {
  std::vector<std::byte> chunk;
  append_big32(chunk, static_cast<std::uint32_t>(data.size()));
  const std::vector<std::byte> name = bytes_of(type);
  chunk.insert(chunk.end(), name.begin(), name.end());
  chunk.insert(chunk.end(), data.begin(), data.end());
  append_big32(chunk, crc_of(std::span(chunk).subspan(4)));
  return chunk;
}

/// An uncompressed PNG of grey and alpha or RGBA samples.
inline std::vector<std::byte> png_of(int width, int height, int channels,
                                     std::span<const std::uint8_t> samples) {
  std::vector<std::byte> rows, header;
  for (int y = 0; y < height; ++y) {
    rows.push_back(std::byte{0});  // no filter
    for (int i = 0; i < width * channels; ++i)
      rows.push_back(static_cast<std::byte>(
          samples[static_cast<std::size_t>(y) * static_cast<std::size_t>(width * channels) +
                  static_cast<std::size_t>(i)]));
  }
  const auto size = static_cast<std::uint16_t>(rows.size());
  std::vector<std::byte> stored = bytes_of({"\x78\x01\x01", 3});  // zlib, one stored block
  for (const std::uint16_t part : {size, static_cast<std::uint16_t>(~size)}) {
    stored.push_back(static_cast<std::byte>(part & 255));
    stored.push_back(static_cast<std::byte>(part >> 8));
  }
  stored.insert(stored.end(), rows.begin(), rows.end());
  std::uint32_t a = 1, b = 0;
  for (const std::byte byte : rows) a = (a + static_cast<std::uint32_t>(byte)) % 65521, b = (b + a) % 65521;
  append_big32(stored, b << 16 | a);
  append_big32(header, static_cast<std::uint32_t>(width));
  append_big32(header, static_cast<std::uint32_t>(height));
  for (const int byte : {8, channels == 2 ? 4 : 6, 0, 0, 0}) header.push_back(static_cast<std::byte>(byte));
  std::vector<std::byte> file = bytes_of("\x89PNG\r\n\x1a\n");
  for (const auto& chunk : {png_chunk("IHDR", header), png_chunk("IDAT", stored), png_chunk("IEND", {})})
    file.insert(file.end(), chunk.begin(), chunk.end());
  return file;
}

}  // namespace xr::data::test
