#include "data/image/deflate.h"

#include "data/image/image.h"
#include "kernels/common/random.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <vector>

using namespace xr;
using namespace xr::data;

namespace {

/// Bytes that repeat, that do not, and that run on, by `kind`.
std::vector<std::uint8_t> make_bytes(std::size_t count, int kind) {
  Philox random(count, static_cast<std::uint64_t>(kind));
  std::vector<std::uint8_t> bytes(count);
  for (std::size_t i = 0; i < count; ++i) switch (kind) {
      case 0:
        bytes[i] = static_cast<std::uint8_t>(random.next_u32());
        break;
      case 1:
        bytes[i] = static_cast<std::uint8_t>(random.below(4));
        break;
      case 2:
        bytes[i] = i >= 37 && random.below(20) > 0 ? bytes[i - 37] : static_cast<std::uint8_t>(i);
        break;
      default:
        bytes[i] = static_cast<std::uint8_t>(i / 1000);
        break;
    }
  return bytes;
}

/// FNV-1a.
std::uint64_t hash_of(const std::vector<std::uint8_t>& bytes, std::uint64_t hash) {
  for (const std::uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001b3;
  return hash;
}

}  // namespace

TEST_CASE("packed bytes are those of stb_image_write") {
  // The hash of what stbi_zlib_compress of version 1.16 made of the same bytes.
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const std::size_t count : {0u, 1u, 3u, 4u, 50u, 1000u, 70000u})
    for (int kind = 0; kind < 4; ++kind)
      for (const int quality : {1, 8, 12})
        hash = hash_of(deflate_as_stb(make_bytes(count, kind), quality), hash);
  CHECK(hash == 0x587012710baea891);
}

TEST_CASE("packed images are read as they were") {
  for (const int side : {8, 17, 300})
    for (int kind = 0; kind < 4; ++kind) {
      Image image{side, side, 1, make_bytes(static_cast<std::size_t>(side) * side, kind)};
      CHECK(decode_image(encode_png(image), 1).pixels == image.pixels);
    }
}
