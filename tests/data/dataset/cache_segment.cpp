#include "data/dataset/cache_segment.h"

#include "tests/data/support.h"

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;

namespace {

std::vector<std::uint8_t> numbered(std::size_t count, int first) {
  std::vector<std::uint8_t> bytes(count);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::uint8_t>(first + static_cast<int>(i));
  return bytes;
}

}  // namespace

TEST_CASE("a segment holds the pixels of all slots and then their facts") {
  const TemporaryFolder folder;
  fs::path path;
  {
    CacheSegment segment(folder.path(), "stem", 3, {5, 2});
    path = segment.path();
    CHECK(segment.slots() == 3);
    CHECK(segment.id() != 0);
    CHECK(path == CacheSegment::file_of(folder.path(), "stem", segment.id()));
    CHECK(fs::file_size(path) == 3 * 7);
    for (const int slot : {2, 0, 1}) segment.store(static_cast<std::size_t>(slot), numbered(7, 10 * slot));
    CHECK_THROWS_AS(segment.store(3, numbered(7, 0)), Error);
    CHECK_THROWS_AS(segment.store(0, numbered(6, 0)), Error);
    CHECK_THROWS_AS(segment.store(0, numbered(8, 0)), Error);
    const std::vector<int> expected = {0,  1,  2,  3,  4, 10, 11, 12, 13, 14, 20,
                                       21, 22, 23, 24, 5, 6,  15, 16, 25, 26};
    const auto map = segment.map();
    REQUIRE(map->bytes().size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) CHECK(static_cast<int>(map->bytes()[i]) == expected[i]);
    CHECK(CacheSegment::sync(path) == stamp_of(path));
    CHECK_FALSE(CacheSegment::sync(folder / "none"));
  }
  CHECK_FALSE(fs::exists(path));  // nobody kept it
  {
    CacheSegment segment(folder.path(), "stem", 1, {5, 2});
    path = segment.path();
    segment.keep();
  }
  CHECK(fs::exists(path));
  CHECK(fs::file_size(CacheSegment(folder.path(), "stem", 0, {5, 2}).path()) == 0);
}

TEST_CASE("a segment that has no room on the disk leaves no file") {
  const TemporaryFolder folder;
  // Larger than any file of the usual file systems.
  CHECK_THROWS_AS(CacheSegment(folder.path(), "stem", std::size_t{1} << 40, {std::size_t{1} << 22, 0}),
                  Error);
  CHECK(fs::is_empty(folder.path()));
  CHECK_THROWS_AS(CacheSegment(folder / "none", "stem", 1, {1, 0}), Error);
}

TEST_CASE("the name of a segment's file gives its number, other names give none") {
  const auto id_in = [](const std::string& name) { return CacheSegment::id_in(name, "stem"); };
  for (const std::uint64_t id : {std::uint64_t{1}, std::uint64_t{0xfedcba9876543210}, ~std::uint64_t{0}})
    CHECK(id_in(CacheSegment::file_of("", "stem", id).string()) == id);
  CHECK(id_in("stem.0123456789abcdef.pixels") == 0x0123456789abcdef);
  for (const char* name :
       {"stem.0000000000000000.pixels", "stem.0123456789abcde.pixels", "stem.0123456789abcdef0.pixels",
        "stem.0123456789abcdeg.pixels", "stem.g123456789abcdef.pixels", "stem.0123456789abcdef.pixelz",
        "stem.0123456789abcdef.pixels0", "stam.0123456789abcdef.pixels", "stem-0123456789abcdef.pixels",
        "other.0123456789abcdef.pixels", "stem.-123456789abcdef.pixels", "stem. 123456789abcdef.pixels",
        ""}) {
    INFO(name);
    CHECK(id_in(name) == 0);
  }
}
