// Everything that is no whole image: one clear line each, no crash, no hang.
#include "data/image/image.h"
#include "data/image/image_header.h"
#include "engine/io/file.h"
#include "tests/data/reference_images.h"
#include "tests/data/support.h"

#include <sys/stat.h>

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;

namespace {

std::vector<std::byte> reference_file(std::string_view name) {
  for (const ReferenceImage& reference : reference_images) {
    if (reference.name != name) continue;
    std::vector<std::byte> bytes;
    const std::string digits = reference.file;
    for (std::size_t i = 0; i < digits.size(); i += 2)
      bytes.push_back(static_cast<std::byte>(std::stoi(digits.substr(i, 2), nullptr, 16)));
    return bytes;
  }
  throw Error("no such reference image");
}

void put_big32(std::vector<std::byte>& bytes, std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i) bytes[at + i] = static_cast<std::byte>(value >> (24 - 8 * i));
}

}  // namespace

TEST_CASE("a file cut anywhere is an error in every format") {
  for (const ReferenceImage& reference : reference_images) {
    INFO(reference.name);
    const std::vector<std::byte> file = reference_file(reference.name);
    for (std::size_t size = 0; size + 4 < file.size(); ++size) {
      INFO(size << " of " << file.size() << " bytes");
      CHECK_THROWS_AS(decode_image(std::span(file).first(size), 1), Error);
    }
  }
}

TEST_CASE("truncated JPEG and PNG files are named with the reason") {
  const TemporaryFolder folder;
  for (const auto& [name, kind] : {std::pair{"baseline grey JPEG", "JPEG"}, {"RGB PNG", "PNG"}}) {
    std::vector<std::byte> file = reference_file(name);
    file.resize(file.size() * 3 / 4);
    write_bytes(folder / "cut.img", file);
    const std::string message = error_of([&] { read_image(folder / "cut.img", 1); });
    CHECK_THAT(message, contains("cut.img'") && contains(std::string("the ") + kind + " is truncated"));
  }
}

TEST_CASE("a JPEG without its end is truncated however little is missing") {
  for (const char* name : {"baseline grey JPEG", "progressive JPEG", "CMYK JPEG"}) {
    const std::vector<std::byte> file = reference_file(name);
    for (const std::size_t missing : {1u, 2u, 3u, 10u})
      CHECK_THAT(error_of([&] { decode_image(std::span(file).first(file.size() - missing), 1); }),
                 contains("the JPEG is truncated"));
  }
}

TEST_CASE("a changed byte in the PNG data is found by its checksum") {
  std::vector<std::byte> file = encode_png(random_image(16, 16, 1));
  file[file.size() / 2] ^= std::byte{1};
  CHECK_THAT(error_of([&] { decode_image(file, 1); }), contains("wrong checksum"));
}

TEST_CASE("a PNG with an unknown critical chunk is refused in plain characters") {
  std::vector<std::byte> file = encode_png(random_image(16, 16, 1));
  const std::vector<std::byte> chunk =
      bytes_of({"\0\0\0\0ABCD\xDB\x17\x20\xA5", 12});  // length, type, checksum
  file.insert(file.begin() + 33, chunk.begin(), chunk.end());
  CHECK_THAT(error_of([&] { decode_image(file, 1); }), contains("chunk of an unknown kind at byte 33"));
}

TEST_CASE("a JPEG with impossible Huffman tables is refused before it is decoded") {
  const std::vector<std::byte> file = reference_file("baseline grey JPEG");
  const auto find_marker = [&](std::byte marker) {
    for (std::size_t i = 0; i + 1 < file.size(); ++i)
      if (file[i] == std::byte{0xFF} && file[i + 1] == marker) return i;
    throw Error("no such marker");
  };
  std::vector<std::byte> too_many_codes = file;
  for (std::size_t i = 0; i < 16; ++i) too_many_codes[find_marker(std::byte{0xC4}) + 5 + i] = std::byte{0x40};
  CHECK_THAT(error_of([&] { decode_image(too_many_codes, 1); }), contains("Huffman table"));
  std::vector<std::byte> undefined_table = file;
  undefined_table[find_marker(std::byte{0xDA}) + 6] = std::byte{0x03};
  CHECK_THAT(error_of([&] { decode_image(undefined_table, 1); }), contains("Huffman table"));
}

TEST_CASE("a PNG that claims 60000 x 60000 pixels is refused before anything is allocated") {
  std::vector<std::byte> file = encode_png(random_image(16, 16, 1));
  put_big32(file, 16, 60000);
  put_big32(file, 20, 60000);
  CHECK_THAT(error_of([&] { decode_image(file, 1); }), contains("claims 60000 x 60000 pixels"));
  put_big32(file, 16, 0xFFFFFFFFu);
  CHECK_THAT(error_of([&] { decode_image(file, 1); }), contains("claims 4294967295 x 60000 pixels"));
  put_big32(file, 16, 0);
  CHECK_THAT(error_of([&] { decode_image(file, 1); }), contains("too few"));
  CHECK_THAT(error_of([] { decode_image(bytes_of("P5 60000 60000 255\nx"), 1); }), contains("60000 x 60000"));
  CHECK_THAT(error_of([] { decode_image(bytes_of("P5 99999999999 9 255\nx"), 1); }), contains("claims"));
}

TEST_CASE("an image of one pixel is refused unless allowed") {
  const std::vector<std::byte> file = encode_png(random_image(1, 1, 1));
  CHECK_THAT(error_of([&] { decode_image(file, 1); }), contains("1 x 1 pixels are too few"));
  CHECK(decode_image(file, 1, DecodeLimits{.min_side = 1}).pixels.size() == 1);
}

TEST_CASE("text and empty files and folders and pipes named like images are errors and do not hang") {
  const TemporaryFolder folder;
  write_bytes(folder / "text.png", bytes_of("this is no image at all, only a text\n"));
  CHECK_THAT(error_of([&] { read_image(folder / "text.png", 1); }),
             contains("text.png'") && contains("a text, not an image"));
  write_bytes(folder / "empty.png", {});
  CHECK_THAT(error_of([&] { read_image(folder / "empty.png", 1); }),
             contains("empty.png' is empty (0 bytes)"));
  fs::create_directory(folder / "folder.png");
  CHECK_THAT(error_of([&] { read_image(folder / "folder.png", 1); }), contains("is a folder"));
  REQUIRE(::mkfifo((folder / "pipe.png").c_str(), 0600) == 0);
  CHECK_THAT(error_of([&] { read_image(folder / "pipe.png", 1); }), contains("not a regular file"));
  CHECK_THAT(error_of([&] { read_image(folder / "absent.png", 1); }), contains("No such file"));
  fs::create_symlink("loop.png", folder / "loop.png");
  CHECK_THAT(error_of([&] { read_image(folder / "loop.png", 1); }), contains("cannot open"));
  make_png(folder / "large.png");
  CHECK_THAT(error_of([&] { read_image(folder / "large.png", 1, DecodeLimits{.max_file_bytes = 20}); }),
             contains("more than the limit of 20"));
}

TEST_CASE("an unreadable file is an error") {
  const TemporaryFolder folder;
  make_png(folder / "locked.png");
  fs::permissions(folder / "locked.png", fs::perms::none);
  if (::geteuid() == 0) {  // root may read everything; this file opens but cannot be read
    CHECK_THROWS_AS(engine::read_file("/proc/self/mem", 1000), Error);
    return;
  }
  CHECK_THAT(error_of([&] { read_image(folder / "locked.png", 1); }), contains("Permission denied"));
}

TEST_CASE("random bytes behind a right signature never crash the decoder") {
  const DecodeLimits limits{.max_pixels = 1 << 16, .max_side = 4096, .min_side = 1};
  for (const ReferenceImage& reference : reference_images) {
    const std::vector<std::byte> file = reference_file(reference.name);
    Philox random(3, 1);
    for (int round = 0; round < 300; ++round) {
      std::vector<std::byte> changed = file;
      for (int change = 0; change < 4; ++change)
        changed[random.below(static_cast<std::uint32_t>(changed.size()))] =
            static_cast<std::byte>(random.next_u32());
      try {
        decode_image(changed, round % 2 == 0 ? 1 : 3, limits);
      } catch (const Error&) {
      }
    }
  }
  SUCCEED();
}

TEST_CASE("a PNG whose data could inflate far beyond the image is refused") {
  const std::vector<std::byte> large = encode_png(random_image(512, 512, 3));  // 786 kB: noise
  std::vector<std::byte> file = encode_png(random_image(8, 8, 3));
  constexpr std::size_t header_bytes = 33;  // signature and IHDR
  file.resize(header_bytes);
  file.insert(file.end(), large.begin() + header_bytes, large.end());
  CHECK_THAT(error_of([&] { decode_image(file, 1); }), contains("bytes of data for 8 x 8 pixels"));
}
