#include "data/content_hash.h"

#include <catch2/catch.hpp>

#include <vector>

using namespace xr::data;

TEST_CASE("the content hash changes with every bit and with the length") {
  std::vector<std::byte> bytes(100);
  const std::uint64_t whole = content_hash(bytes);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] ^= std::byte{0x40};
    CHECK(content_hash(bytes) != whole);
    bytes[i] ^= std::byte{0x40};
    CHECK(content_hash(std::span(bytes).first(i)) != whole);
  }
  CHECK(content_hash(bytes) == whole);
  CHECK(content_hash(bytes, 1) != whole);
  for (const std::size_t cut : {1u, 31u, 32u, 33u, 64u, 99u}) {  // in parts
    ContentHasher hasher;
    hasher.add(std::span(bytes).first(cut));
    hasher.add(std::span(bytes).subspan(cut));
    CHECK(hasher.value() == whole);
    ContentHasher small;
    for (std::size_t at = 0; at < bytes.size(); at += cut)
      small.add(std::span(bytes).subspan(at, std::min(cut, bytes.size() - at)));
    CHECK(small.value() == whole);
  }
}
