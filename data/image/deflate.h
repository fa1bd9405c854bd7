// Packs bytes as a zlib stream (RFC 1950, 1951), for PNG files.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace xr::data {

/// One block of fixed Huffman codes, or stored blocks where that is shorter. The stream is the same, byte for byte, as
/// that of stbi_zlib_compress of stb_image_write 1.16, which takes twice as long: matches are
/// found among the newest `quality` to 2 `quality` places (at least 5) of each of 16384 hash values, and a
/// match is passed over for a longer one at the next byte.
[[nodiscard]] std::vector<std::uint8_t> deflate_as_stb(std::span<const std::uint8_t> bytes, int quality);

}  // namespace xr::data
