#include "data/image/image.h"
#include "kernels/common/error_codes.h"
#include "tests/data/dicom_writer.h"

#include <algorithm>

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;

namespace {

constexpr DecodeLimits any_side{.min_side = 1};

std::vector<std::uint8_t> grey_of(const DicomWriter& writer) {
  return decode_image(writer.file(), 1, any_side).pixels;
}

ErrorCode code_of_bytes(std::span<const std::byte> bytes) {
  try {
    (void)decode_image(bytes, 1, any_side);
  } catch (const Error& error) {
    CHECK(std::string_view(error.what()).find('\n') == std::string_view::npos);
    return error.code();
  }
  return ErrorCode{"none"};
}

std::string words_of(std::initializer_list<unsigned> values) {
  std::string bytes;
  for (const unsigned value : values) bytes += DicomWriter::word(value);
  return bytes;
}

/// Four 12-bit samples.
DicomWriter four(const std::string& samples = words_of({0, 1000, 2000, 4095})) {
  return DicomWriter().image(2, 2, 12, samples);
}

std::string fragment(const std::string& bytes) {
  return DicomWriter::word(0xFFFE) + DicomWriter::word(0xE000) + DicomWriter::long_word(bytes.size()) + bytes;
}

}  // namespace

TEST_CASE("a DICOM image is scaled by the bits stored and inverted last") {
  CHECK(grey_of(four()) == std::vector<std::uint8_t>{0, 62, 125, 255});
  CHECK(grey_of(four().text(0x00280004, "CS", "MONOCHROME1")) == std::vector<std::uint8_t>{255, 193, 130, 0});
  const DicomWriter bytes = DicomWriter().image(2, 2, 8, std::string("\0\x40\x80\xFF", 4));
  CHECK(grey_of(bytes) == std::vector<std::uint8_t>{0, 64, 128, 255});
  // Bits above the stored ones hold an overlay.
  CHECK(grey_of(four(words_of({0xF000, 1000, 2000, 4095}))) == std::vector<std::uint8_t>{0, 62, 125, 255});
}

TEST_CASE("DICOM windows tables and rescaling are applied in their order") {
  // (value - 1999.5) / 999 + 0.5
  CHECK(grey_of(four().text(0x00281050, "DS", "2000").text(0x00281051, "DS", "1000")) ==
        std::vector<std::uint8_t>{0, 0, 128, 255});
  const DicomWriter several = four().text(0x00281050, "DS", "2000\\50").text(0x00281051, "DS", "1000\\20");
  CHECK(decode_with_notes(several.file(), 1, any_side).notes.window == "window 1 of 2");
  CHECK(decode_with_notes(four().file(), 1, any_side).notes.window.empty());
  // Rescaled to -1000 ... 3095, then a window over -1000 ... 0.
  CHECK(grey_of(four()
                    .text(0x00281052, "DS", "-1000")
                    .text(0x00281050, "DS", "-499.5")
                    .text(0x00281051, "DS", "1001")) == std::vector<std::uint8_t>{0, 255, 255, 255});
  CHECK(grey_of(four().text(0x00281053, "DS", "-1")) == std::vector<std::uint8_t>{255, 193, 130, 0});
}

TEST_CASE("16 bits stored without a window are scaled by the bits in use") {
  const DicomWriter writer = DicomWriter().image(2, 2, 16, words_of({0, 1000, 2000, 4095}));
  const DecodedImage decoded = decode_with_notes(writer.file(), 1, any_side);
  CHECK(decoded.notes.depth == 12);
  CHECK(decoded.image.pixels == std::vector<std::uint8_t>{0, 62, 125, 255});
  CHECK(decode_with_notes(four().file(), 1, any_side).notes.depth == 0);
}

TEST_CASE("signed samples and padding of DICOM images") {
  DicomWriter writer = four(words_of({0x800, 0xFFF, 0, 0x7FF})).numbers(0x00280103, "US", {1});
  CHECK(grey_of(writer) == std::vector<std::uint8_t>{0, 127, 128, 255});
  CHECK(grey_of(writer.numbers(0x00280120, "SS", {0x7FF})) == std::vector<std::uint8_t>{0, 127, 128, 0});
  DicomWriter inverted = four().text(0x00280004, "CS", "MONOCHROME1").numbers(0x00280120, "US", {0});
  CHECK(grey_of(inverted) == std::vector<std::uint8_t>{0, 193, 130, 0});
  DicomWriter wide = DicomWriter().image(2, 2, 16, words_of({65535, 0, 2000, 4095}));
  wide.text(0x00280004, "CS", "MONOCHROME1").numbers(0x00280120, "US", {65535});
  CHECK(grey_of(wide) == std::vector<std::uint8_t>{0, 255, 130, 0});
}

TEST_CASE("the first frame of several is used and their number noted") {
  DicomWriter writer = four(words_of({0, 1000, 2000, 4095, 1, 1, 1, 1})).text(0x00280008, "IS", "2");
  const DecodedImage decoded = decode_with_notes(writer.file(), 1, any_side);
  CHECK(decoded.notes.frames == 2);
  CHECK(decoded.image.pixels == std::vector<std::uint8_t>{0, 62, 125, 255});
}

TEST_CASE("run-length coded DICOM frames are unpacked") {
  std::string frame = DicomWriter::long_word(1) + DicomWriter::long_word(64);
  frame.resize(64, '\0');
  frame += std::string("\1\0\x40\xFF\x80", 5) + '\0';  // two literal bytes, then 80 twice
  DicomWriter writer = DicomWriter("1.2.840.10008.1.2.5").image(2, 2, 8, "");
  const std::string start = DicomWriter::header(0x7FE00010, "OB", 0xFFFFFFFF);
  const std::string end = DicomWriter::word(0xFFFE) + DicomWriter::word(0xE0DD) + DicomWriter::long_word(0);
  writer.raw(0x7FE00010, start + fragment("") + fragment(frame) + end);
  CHECK(grey_of(writer) == std::vector<std::uint8_t>{0, 64, 128, 128});
  writer.raw(0x7FE00010, start + fragment("") + fragment(frame.substr(0, 66)) + end);
  CHECK(code_of_bytes(writer.file()) == error_code::image_truncated);
  writer.raw(0x7FE00010, start + fragment("") + fragment(frame));
  CHECK(code_of_bytes(writer.file()) == error_code::image_truncated);
}

TEST_CASE("DICOM files that hold no image or one that is not read are named") {
  CHECK(code_of_bytes(DicomWriter().text(0x00080060, "CS", "SR").text(0x00400555, "CS", "NO").file()) ==
        error_code::image_unsupported);
  CHECK(code_of_bytes(four(words_of({1, 2})).file()) == error_code::image_truncated);
  CHECK(code_of_bytes(four().text(0x00280004, "CS", "PALETTE COLOR").file()) ==
        error_code::image_unsupported);
  CHECK(code_of_bytes(four().numbers(0x00280100, "US", {32}).file()) == error_code::image_unsupported);
  CHECK(code_of_bytes(four().numbers(0x00280101, "US", {13}).file()) == error_code::image_damaged);
  CHECK(code_of_bytes(four().numbers(0x00280011, "US", {60000}).numbers(0x00280010, "US", {60000}).file()) ==
        error_code::image_size);
  DicomWriter video("1.2.840.10008.1.2.4.102");
  video.image(2, 2, 8, "");
  video.raw(0x7FE00010, DicomWriter::header(0x7FE00010, "OB", 0xFFFFFFFF) + fragment("") +
                            fragment("\1\2\3\4") + DicomWriter::word(0xFFFE) + DicomWriter::word(0xE0DD) +
                            DicomWriter::long_word(0));
  CHECK(code_of_bytes(video.file()) == error_code::image_unsupported);
}

TEST_CASE("a DICOM file cut anywhere or with sequences in sequences is an error") {
  std::string nested;
  for (int i = 0; i < 2000; ++i)
    nested += DicomWriter::header(0x00081140, "SQ", 0xFFFFFFFF) + DicomWriter::word(0xFFFE) +
              DicomWriter::word(0xE000) + DicomWriter::long_word(0xFFFFFFFF);
  CHECK(code_of_bytes(four().raw(0x00081140, nested).file()) == error_code::image_damaged);
  const std::vector<std::byte> file = four()
                                          .text(0x00281050, "DS", "2000")
                                          .text(0x00281051, "DS", "1000")
                                          .text(0x00100020, "LO", "4711")
                                          .file();
  for (std::size_t size = 0; size < file.size(); ++size) {
    INFO(size << " of " << file.size() << " bytes");
    CHECK(code_of_bytes(std::span(file).first(size)) != ErrorCode{"none"});
  }
}
