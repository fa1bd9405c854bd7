#include "kernels/common/random.h"

#include <catch2/catch.hpp>

#include <set>

using namespace xr;

// Known answers of the Random123 distribution (kat_vectors, philox4x32 with 10 rounds).
TEST_CASE("philox4x32-10 matches the published known answers") {
  const PhiloxBlock zero = philox(0, 0, 0);
  CHECK(zero.word[0] == 0x6627e8d5u);
  CHECK(zero.word[1] == 0xe169c58du);
  CHECK(zero.word[2] == 0xbc57ac4cu);
  CHECK(zero.word[3] == 0x9b00dbd8u);
  const PhiloxBlock ones = philox(~0ull, ~0ull, ~0ull);
  CHECK(ones.word[0] == 0x408f276du);
  CHECK(ones.word[1] == 0x41c83b0eu);
  CHECK(ones.word[2] == 0xa20bc7c6u);
  CHECK(ones.word[3] == 0x6d5451fdu);
  const PhiloxBlock pi = philox(0x299f31d0'a4093822ull, 0x03707344'13198a2eull, 0x85a308d3'243f6a88ull);
  CHECK(pi.word[0] == 0xd16cfe09u);
  CHECK(pi.word[1] == 0x94fdccebu);
  CHECK(pi.word[2] == 0x5001e420u);
  CHECK(pi.word[3] == 0x24126ea1u);
}

TEST_CASE("the sequential reader gives the words of the counter blocks in order") {
  Philox sequential(7, stream_of(RandomPurpose::shuffle, 3));
  for (std::uint64_t index = 0; index < 10; ++index)
    CHECK(sequential.next_u32() == philox_word(7, stream_of(RandomPurpose::shuffle, 3), index));
}

TEST_CASE("uniform numbers stay below one and below() reaches every value") {
  CHECK(uniform_float(0xFFFFFFFFu) < 1.0f);
  CHECK(uniform_float(0) == 0.0f);
  Philox random(1, 2);
  std::set<std::uint32_t> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::uint32_t value = random.below(7);
    CHECK(value < 7);
    seen.insert(value);
  }
  CHECK(seen.size() == 7);
}

TEST_CASE("normal numbers have mean 0 and variance 1") {
  Philox random(5, 9);
  double sum = 0, squares = 0;
  const int count = 100000;
  for (int i = 0; i < count; ++i) {
    const double value = random.normal();
    sum += value;
    squares += value * value;
  }
  CHECK(std::abs(sum / count) < 0.02);
  CHECK(std::abs(squares / count - 1.0) < 0.02);
}
