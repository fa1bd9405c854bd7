// What the decoder does besides decoding: orientation, bits in use, transparency, blank images.
#include "data/image/image.h"
#include "data/image/levels.h"
#include "data/image/raw_image.h"
#include "kernels/common/error_codes.h"
#include "tests/data/png_writer.h"

#include <algorithm>
#include <array>

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;

namespace {

constexpr DecodeLimits tiny{.min_side = 1};

/// An EXIF block with one entry, the orientation: big-endian.
std::vector<std::byte> exif_block(char orientation) {
  std::string text("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0", 26);
  text[19] = orientation;
  return bytes_of(text);
}

std::vector<std::byte> inserted(std::vector<std::byte> file, std::size_t at,
                                const std::vector<std::byte>& part) {
  file.insert(file.begin() + static_cast<std::ptrdiff_t>(at), part.begin(), part.end());
  return file;
}

/// A PNG of 3 x 2 pixels 0 to 5 with this orientation.
std::vector<std::byte> oriented_png(char orientation) {
  constexpr std::size_t after_header = 33;
  return inserted(encode_png({3, 2, 1, {0, 1, 2, 3, 4, 5}}), after_header,
                  png_chunk("eXIf", exif_block(orientation)));
}

/// A 16-bit grey PGM; its maximum value says nothing of the bits in use.
std::vector<std::byte> wide_pgm(std::span<const std::uint16_t> samples) {
  std::vector<std::byte> file = bytes_of(fmt::format("P5 {} 1 65535\n", samples.size()));
  for (const std::uint16_t sample : samples) {
    file.push_back(static_cast<std::byte>(sample >> 8));
    file.push_back(static_cast<std::byte>(sample & 255));
  }
  return file;
}

DecodedImage wide_image(std::vector<std::uint16_t> samples, std::string_view depths = "") {
  return decode_with_notes(wide_pgm(samples), 1, tiny, SampleDepths(depths));
}

Transparency transparency_of(int channels, std::vector<std::uint8_t> samples) {
  return decode_with_notes(png_of(2, 1, channels, samples), 1, tiny).notes.transparency;
}

RawImage two_pixels(int channels) {
  RawImage raw;
  raw.width = 2;
  raw.height = 1;
  raw.channels = channels;
  return raw;
}

}  // namespace

TEST_CASE("each EXIF orientation is applied") {
  const std::array<std::vector<std::uint8_t>, 8> expected = {{{0, 1, 2, 3, 4, 5},
                                                              {2, 1, 0, 5, 4, 3},
                                                              {5, 4, 3, 2, 1, 0},
                                                              {3, 4, 5, 0, 1, 2},
                                                              {0, 3, 1, 4, 2, 5},
                                                              {3, 0, 4, 1, 5, 2},
                                                              {5, 2, 4, 1, 3, 0},
                                                              {2, 5, 1, 4, 0, 3}}};
  for (char orientation = 1; orientation <= 8; ++orientation) {
    INFO("orientation " << static_cast<int>(orientation));
    const DecodedImage decoded = decode_with_notes(oriented_png(orientation), 1, tiny);
    CHECK(decoded.image.width == (orientation <= 4 ? 3 : 2));
    CHECK(decoded.image.height == (orientation <= 4 ? 2 : 3));
    CHECK(decoded.image.pixels == expected.at(static_cast<std::size_t>(orientation - 1)));
    CHECK(decoded.notes.orientation == orientation);
  }
  for (const char other : {'\0', '\x09', '\x7F'})
    CHECK(decode_with_notes(oriented_png(other), 1, tiny).image.pixels == expected[0]);
}

TEST_CASE("the orientation of a JPEG is that of its EXIF segment") {
  const Image image = random_image(24, 16, 1);
  const std::vector<std::byte> file = encode_jpeg(image, 95);
  std::vector<std::byte> segment =
      bytes_of({"\xFF\xE1\0\x22"
                "Exif\0\0",
                10});
  const std::vector<std::byte> block = exif_block(3);
  segment.insert(segment.end(), block.begin(), block.end());
  Image turned = decode_image(file, 1);
  std::ranges::reverse(turned.pixels);
  CHECK(decode_image(inserted(file, 2, segment), 1).pixels == turned.pixels);
  // A damaged block is no reason to refuse the picture.
  segment.resize(14);
  segment[3] = std::byte{12};
  CHECK(decode_image(inserted(file, 2, segment), 1).pixels == decode_image(file, 1).pixels);
}

TEST_CASE("samples of 16 bits are scaled by the bits in use") {
  const std::pair<std::uint16_t, int> cases[] = {{100, 8},    {255, 8},   {256, 10},  {1023, 10},
                                                 {1024, 12},  {4095, 12}, {4096, 14}, {16383, 14},
                                                 {16384, 16}, {65535, 16}};
  for (const auto& [greatest, depth] : cases) {
    const DecodedImage decoded = wide_image({0, greatest});
    INFO(greatest);
    CHECK(decoded.notes.depth == depth);
    CHECK(decoded.notes.scaled_by == depth);
    CHECK(decoded.image.pixels[1] == (greatest * 255u + (1u << depth) / 2) / ((1u << depth) - 1));
  }
  CHECK(decode_with_notes(bytes_of("P5 2 1 4095\n\x0F\xFF\x08\x08"), 1, tiny).notes.depth == 0);
  CHECK(decode_with_notes(encode_png(random_image(8, 8, 1)), 1).notes.depth == 0);
}

TEST_CASE("the depths of a set decide for each of its images") {
  CHECK(wide_image({0, 900}, "12").image.pixels[1] == 56);  // 900 of 4095: a dark image of the set
  CHECK(wide_image({0, 900}, "12").notes.scaled_by == 12);
  CHECK(wide_image({0, 900}, "12").notes.depth == 10);
  CHECK(wide_image({0, 4095}, "12,16").image.pixels[1] == 255);
  CHECK(wide_image({0, 65535}, "12,16").image.pixels[1] == 255);
  CHECK(wide_image({0, 65535}, "12").notes.scaled_by == 16);  // brighter than any of the set
}

TEST_CASE("the depths of a set leave out a few dark images and keep two sources apart") {
  const auto of = [](std::initializer_list<std::pair<int, int>> counts) {
    std::vector<int> depths;
    for (const auto& [depth, count] : counts)
      depths.insert(depths.end(), static_cast<std::size_t>(count), depth);
    return SampleDepths::of_set(depths).text();
  };
  CHECK(of({{12, 100}}) == "12");
  CHECK(of({{10, 4}, {12, 96}}) == "12");
  CHECK(of({{10, 50}, {12, 50}}) == "10,12");
  CHECK(of({{10, 5}, {12, 95}}) == "10,12");
  CHECK(of({{12, 99}, {16, 1}}) == "12,16");  // the greatest always counts
  CHECK(of({{0, 100}}).empty());
  CHECK(of({{0, 1000}, {12, 3}}) == "12");
  CHECK(SampleDepths("12,16").text() == "12,16");
  CHECK_THROWS_AS(SampleDepths("11"), Error);
  CHECK_THROWS_AS(SampleDepths("12;16"), Error);
}

TEST_CASE("only the colours say how many bits are in use, and nothing is brighter than white") {
  ImageNotes notes;
  RawImage raw = two_pixels(2);
  raw.words = {1000, 65535, 4095, 65535};
  CHECK(to_levels(raw, 1, {}, notes).pixels == std::vector<std::uint8_t>{62, 255});
  CHECK(notes.depth == 12);
  RawImage bright = two_pixels(1);
  bright.words = {500, 2000};
  bright.white = 1000;
  CHECK(to_levels(bright, 1, {}, notes).pixels == std::vector<std::uint8_t>{128, 255});
}

TEST_CASE("transparency is noted and a picture in the alpha channel alone is told apart") {
  CHECK(transparency_of(2, {10, 255, 20, 255}) == Transparency::none);
  CHECK(transparency_of(2, {10, 255, 20, 0}) == Transparency::some);
  CHECK(transparency_of(2, {10, 255, 10, 0}) == Transparency::picture_in_alpha);
  CHECK(transparency_of(2, {10, 7, 10, 7}) == Transparency::some);  // no picture at all
  CHECK(transparency_of(4, {1, 2, 3, 255, 4, 5, 6, 254}) == Transparency::some);
  CHECK(transparency_of(4, {1, 2, 3, 255, 1, 2, 3, 254}) == Transparency::picture_in_alpha);
  const std::vector<std::uint8_t> stored = {10, 255, 20, 0};
  CHECK(decode_image(png_of(2, 1, 2, stored), 1, tiny).pixels == std::vector<std::uint8_t>{10, 20});
}

TEST_CASE("an image of one colour is noted") {
  ImageNotes notes;
  RawImage raw = two_pixels(3);
  raw.bytes = {10, 20, 30, 10, 20, 30};
  (void)to_levels(raw, 3, {}, notes);
  CHECK(notes.one_level);
  raw.bytes[5] = 31;
  (void)to_levels(raw, 3, {}, notes);
  CHECK_FALSE(notes.one_level);
}

TEST_CASE("an image of one grey level is noted") {
  Image image = random_image(8, 8, 1);
  CHECK_FALSE(decode_with_notes(encode_png(image), 1).notes.one_level);
  std::ranges::fill(image.pixels, std::uint8_t{77});
  CHECK(decode_with_notes(encode_png(image), 1).notes.one_level);
  CHECK(decode_with_notes(encode_png(image), 3).notes.one_level);
  image.pixels.back() = 78;
  CHECK_FALSE(decode_with_notes(encode_png(image), 1).notes.one_level);
}

TEST_CASE("a run-length coded BMP is read with its runs literals and jumps") {
  // 4 x 2 pixels: below 5 5 7 8, above (after a jump of one column) 0 9 9 9.
  std::string file("BM\0\0\0\0\0\0\0\0\x36\4\0\0\x28\0\0\0\4\0\0\0\2\0\0\0\1\0\x08\0\1\0\0\0\0\0\0\0", 38);
  file.resize(54, '\0');
  for (int i = 0; i < 256; ++i)
    file += {static_cast<char>(i), static_cast<char>(i), static_cast<char>(i), '\0'};
  const std::string picture(
      "\2\5"
      "\0\4\7\x08\x07\x08",
      8);
  const auto decoded = [&](std::string_view runs) {
    return decode_image(bytes_of(file + std::string(runs)), 1, tiny);
  };
  CHECK(decoded({"\2\5\1\7\1\x08\0\0\0\2\1\0\3\x09\0\1", 16}).pixels ==
        std::vector<std::uint8_t>{0, 9, 9, 9, 5, 5, 7, 8});
  CHECK(decoded({"\0\4\5\5\7\x08\0\0\0\2\1\0\3\x09", 14}).pixels ==
        std::vector<std::uint8_t>{0, 9, 9, 9, 5, 5, 7, 8});
  const auto code_of = [&](std::string_view runs) {
    try {
      (void)decoded(runs);
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode();
  };
  CHECK(code_of({"\5\5\0\1", 4}) == error_code::image_damaged);  // beyond the row
  CHECK(code_of({"\2\5", 2}) == error_code::image_truncated);
}
