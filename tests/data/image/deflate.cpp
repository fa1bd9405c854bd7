#include "data/image/deflate.h"

#include "data/image/image.h"
#include "kernels/common/random.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
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

/// What the limits of the format and of the search are about: matches as far back as the window, as long as a match can
/// be and as short, a better one a byte later, and bytes that are stored as they are, in one block and in more.
std::vector<std::vector<std::uint8_t>> edge_cases() {
  using Difference = std::ptrdiff_t;
  std::vector<std::vector<std::uint8_t>> cases;
  for (const std::size_t distance : {32766u, 32767u, 32768u, 32769u}) {
    const std::vector<std::uint8_t> chunk = make_bytes(200, 0);
    std::vector<std::uint8_t> bytes(distance + 300, 7);
    std::ranges::copy(chunk, bytes.begin());
    std::ranges::copy(chunk, bytes.begin() + static_cast<Difference>(distance));
    cases.push_back(bytes);
    // A short match, of which the second byte begins a long one as far back.
    bytes[20000] = bytes[distance - 1] = 200;
    std::copy_n(chunk.begin(), 2, bytes.begin() + 20001);
    bytes[20003] = static_cast<std::uint8_t>(chunk[2] + 1);
    cases.push_back(bytes);
  }
  for (const std::size_t length : {257u, 258u, 259u, 260u, 261u, 516u})
    cases.emplace_back(length, std::uint8_t{3});
  for (const std::size_t length : {3u, 4u, 5u, 257u, 258u, 259u}) {
    std::vector<std::uint8_t> bytes = make_bytes(600, 0);
    const std::vector<std::uint8_t> again(bytes.begin(), bytes.begin() + static_cast<Difference>(length));
    bytes.insert(bytes.end(), again.begin(), again.end());
    cases.push_back(bytes);
    bytes.push_back(static_cast<std::uint8_t>(bytes[length] + 1));
    cases.push_back(bytes);
  }
  for (const std::size_t length : {30u, 31u}) {  // packed as long as stored, and a byte longer
    std::vector<std::uint8_t> bytes(length);
    std::iota(bytes.begin(), bytes.end(), std::uint8_t{144});
    cases.push_back(bytes);
  }
  for (const std::size_t length : {32766u, 32767u, 32768u, 65534u, 65535u})
    cases.push_back(make_bytes(length, 0));
  return cases;
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

TEST_CASE("packed bytes are those of stb_image_write at the limits of the format") {
  std::uint64_t hash = 0xcbf29ce484222325;  // of what stbi_zlib_compress made, as above
  for (const std::vector<std::uint8_t>& bytes : edge_cases())
    for (const int quality : {1, 5, 6, 8}) hash = hash_of(deflate_as_stb(bytes, quality), hash);
  const std::vector<std::uint8_t> many = make_bytes(300000, 1);  // with full lists of places
  for (const int quality : {126, 127}) hash = hash_of(deflate_as_stb(many, quality), hash);
  CHECK(hash == 0x37a473f24f6b85b5);
  CHECK(deflate_as_stb(many, 128) == deflate_as_stb(many, 127));  // as many places as a byte counts
}

TEST_CASE("packed images are read as they were") {
  for (const int side : {8, 17, 300})
    for (int kind = 0; kind < 4; ++kind) {
      Image image{side, side, 1, make_bytes(static_cast<std::size_t>(side) * side, kind)};
      CHECK(decode_image(encode_png(image), 1).pixels == image.pixels);
    }
}
