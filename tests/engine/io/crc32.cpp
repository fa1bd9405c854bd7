#include "engine/io/crc32.h"

#include <catch2/catch.hpp>

#include <string_view>

using namespace xr::engine;

TEST_CASE("CRC-32 has its check value, also in parts") {
  constexpr std::string_view text = "123456789";
  const auto bytes = std::as_bytes(std::span(text));
  CHECK(crc32({}) == 0);
  CHECK(crc32(bytes) == 0xCBF43926u);  // ITU-T V.42's polynomial; the usual check value of this text
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut)
    CHECK(crc32(bytes.subspan(cut), crc32(bytes.first(cut))) == 0xCBF43926u);
}
