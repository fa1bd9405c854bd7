#include "data/image/image.h"
#include "engine/io/file.h"

#include "tests/data/reference_images.h"
#include "tests/data/support.h"

#include <algorithm>
#include <cstdlib>

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;

namespace {

std::vector<std::byte> from_hex(std::string_view digits) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(digits.substr(i, 2)), nullptr, 16)));
  return bytes;
}

int greatest_difference(const Image& image, std::string_view expected_hex) {
  const std::vector<std::byte> expected = from_hex(expected_hex);
  REQUIRE(expected.size() == image.pixels.size());
  int greatest = 0;
  for (std::size_t i = 0; i < expected.size(); ++i)
    greatest = std::max(greatest, std::abs(static_cast<int>(expected[i]) - image.pixels[i]));
  return greatest;
}

}  // namespace

TEST_CASE("every kind of image decodes to what Pillow makes of it") {
  for (const ReferenceImage& reference : reference_images) {
    INFO(reference.name);
    const std::vector<std::byte> file = from_hex(reference.file);
    if (lacks_reader(file)) {
      CHECK_THAT(error_of([&] { decode_image(file, 1); }), contains("build again"));
      continue;
    }
    const Image grey = decode_image(file, 1);
    CHECK(grey.width == 8);
    CHECK(grey.height == 8);
    CHECK(greatest_difference(grey, reference.grey) <= reference.tolerance);
    const Image rgb = decode_image(file, 3);
    CHECK(rgb.channels == 3);
    CHECK(greatest_difference(rgb, reference.rgb) <= reference.tolerance);
  }
}

TEST_CASE("a written PNG reads back the same") {
  const TemporaryFolder folder;
  for (const int channels : {1, 3}) {
    const Image image = random_image(37, 21, channels);
    write_png(folder / "image.png", image);
    const Image back = read_image(folder / "image.png", channels);
    CHECK(back.width == 37);
    CHECK(back.height == 21);
    CHECK(back.pixels == image.pixels);
  }
}

TEST_CASE("the content decides the format and not the extension") {
  const TemporaryFolder folder;
  write_png(folder / "really a png.jpg", random_image(9, 9, 1));
  CHECK(read_image(folder / "really a png.jpg", 1).width == 9);
}

TEST_CASE("plain and 16-bit PGM files are read with their maximum value") {
  const DecodeLimits small{.min_side = 1};
  CHECK(decode_image(bytes_of("P2\n# comment\n3 1\n15\n0 15 5\n"), 1, small).pixels ==
        std::vector<std::uint8_t>{0, 255, 85});
  CHECK(decode_image(bytes_of("P3 1 1 255 10 20 30"), 3, small).pixels ==
        std::vector<std::uint8_t>{10, 20, 30});
  const std::string wide("P5 2 1 4095\n\x0F\xFF\x08\x00", 16);  // 4095, 2048: big-endian
  CHECK(decode_image(bytes_of(wide), 1, small).pixels == std::vector<std::uint8_t>{255, 128});
}

TEST_CASE("names with spaces quotes and UTF-8 are read and told in one line") {
  const TemporaryFolder folder;
  for (const char* name : {"a b.png", "it's \"quoted\".png", "Röntgen 胸部.png", "line\nbreak.png"}) {
    write_png(folder / name, random_image(8, 8, 1));
    CHECK(read_image(folder / name, 1).width == 8);
    write_bytes(folder / name, bytes_of("no image"));
    error_of([&] { read_image(folder / name, 1); });
  }
  CHECK(engine::quote_name("a\nb\x1b") == "'a\\nb\\x1b'");
}

TEST_CASE("images that cannot be encoded are refused") {
  CHECK_THROWS_AS(encode_png(Image{}), Error);
  CHECK_THROWS_AS(encode_png(Image{4, 4, 1, std::vector<std::uint8_t>(15)}), Error);
  CHECK_THAT(error_of([] { write_png("/nonexistent/folder/x.png", random_image(8, 8, 1)); }),
             contains("cannot create '/nonexistent/folder/x.png'"));
}
