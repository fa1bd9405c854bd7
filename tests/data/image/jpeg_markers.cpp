// The headers of JPEG files and of the EXIF blocks in them, byte by byte.
#include "data/image/jpeg_markers.h"

#include "data/image/exif.h"
#include "kernels/common/error_codes.h"
#include "tests/data/support.h"

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;
using namespace std::string_literals;

namespace {

/// A frame of 5 x 3 pixels of three components.
const std::string frame = "\xFF\xC0\0\x11\x08\0\x03\0\x05\x03\x01\x22\0\x02\x11\x01\x03\x11\x01"s;

std::string segment(const char* marker, const std::string& content) {
  const std::size_t length = content.size() + 2;
  return marker + std::string{static_cast<char>(length >> 8), static_cast<char>(length & 255)} + content;
}

/// Big-endian, of entries of one number each.
std::string exif(const std::vector<std::pair<int, int>>& entries) {
  const auto word = [](int value) {
    return std::string{static_cast<char>(value >> 8), static_cast<char>(value & 255)};
  };
  std::string block = "Exif\0\0MM\0*\0\0\0\x08"s + word(static_cast<int>(entries.size()));
  for (const auto& [tag, value] : entries)
    block += word(tag) + word(3) + word(0) + word(1) + word(value) + word(0);
  return block;
}

JpegFrame frame_in(const std::string& bytes) {
  return read_jpeg_frame(bytes_of("\xFF\xD8" + bytes));
}

ErrorCode code_of_frame(const std::string& bytes) {
  try {
    (void)frame_in(bytes);
  } catch (const Error& error) {
    return error.code();
  }
  return {};
}

}  // namespace

TEST_CASE("the frame header of a JPEG is found behind whatever stands before it") {
  for (const std::string& before :
       {""s, segment("\xFF\xE0", "JFIF\0"s), "\xFF\xFF\xFF"s, "\xFF\x01"s, "\xFF\0\x7F\x7F"s, "\xFF\xD0"s,
        segment("\xFF\xC4", std::string(20, 'x')), segment("\xFF\xCC", "xx"), "junk"s}) {
    const JpegFrame found = frame_in(before + frame);
    CHECK(found.width == 5);
    CHECK(found.height == 3);
    CHECK(found.bits == 8);
    CHECK(found.components == 3);
    CHECK(found.marker == 0xC0);
    CHECK(found.orientation == 1);
  }
  CHECK(code_of_frame("\xFF\xD9" + frame) == error_code::image_damaged);
  CHECK(code_of_frame("\xFF\xDA\0\x02"s + frame) == error_code::image_damaged);
  CHECK(code_of_frame("\xFF\xC0\0\x07\x08\0\x03\0\x05"s + frame) == error_code::image_damaged);
  CHECK(code_of_frame(frame.substr(0, 12)) == error_code::image_truncated);
  CHECK(code_of_frame("\xFF\xE0\x7F\xFF"s + frame) == error_code::image_truncated);
  CHECK(code_of_frame("") == error_code::image_truncated);
}

TEST_CASE("the first orientation of a JPEG counts") {
  const std::string turned = segment("\xFF\xE1", exif({{0x0100, 2}, {0x0112, 6}}));
  CHECK(frame_in(turned + frame).orientation == 6);
  CHECK(frame_in(turned + segment("\xFF\xE1", exif({{0x0112, 3}})) + frame).orientation == 6);
  CHECK(frame_in(segment("\xFF\xE1", "http://ns.adobe.com/xap/1.0/") + turned + frame).orientation == 6);
}

TEST_CASE("an EXIF block that is damaged says nothing of the orientation") {
  const std::string block = exif({{0x0100, 2}, {0x0112, 8}});
  CHECK(exif_orientation(bytes_of(block)) == 8);
  for (std::size_t size = 0; size < block.size() - 2; ++size)
    CHECK(exif_orientation(bytes_of(block.substr(0, size))) == 1);
  for (const int value : {0, 9, 40000}) CHECK(exif_orientation(bytes_of(exif({{0x0112, value}}))) == 1);
  std::string far = block;
  far.replace(10, 4, "\x7F\xFF\xFF\xFF");
  CHECK(exif_orientation(bytes_of(far)) == 1);
}

TEST_CASE("the processes of JPEG have their names") {
  const auto name = [](std::uint32_t marker, int bits = 8) {
    JpegFrame of;
    of.marker = marker;
    of.bits = bits;
    return jpeg_process_name(of);
  };
  CHECK(name(0xC0) == "baseline");
  CHECK(name(0xC1) == "sequential");
  CHECK(name(0xC1, 12) == "12-bit sequential");
  CHECK(name(0xC2) == "progressive");
  CHECK(name(0xC3, 16) == "lossless");
  CHECK(name(0xC6) == "hierarchical progressive");
  CHECK(name(0xC9) == "arithmetic-coded sequential");
  CHECK(name(0xCF) == "hierarchical arithmetic-coded lossless");
  CHECK(name(0xF7) == "JPEG-LS");
}
