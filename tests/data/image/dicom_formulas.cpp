// The formulas of DICOM's look-up tables, windows, padding and colours, with numbers worked out by hand.
#include "data/image/image.h"
#include "kernels/common/error_codes.h"
#include "tests/data/dicom_writer.h"

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;

namespace {

using Greys = std::vector<std::uint8_t>;

constexpr DecodeLimits one_pixel{.min_side = 1};
constexpr std::uint32_t modality_lut = 0x00283000, voi_lut = 0x00283010;

Greys pixels_of(const DicomWriter& writer, int channels = 1) {
  return decode_image(writer.file(), channels, one_pixel).pixels;
}

DecodedImage decoded(const DicomWriter& writer) {
  return decode_with_notes(writer.file(), 1, one_pixel);
}

std::string words_of(const std::vector<int>& values) {
  std::string bytes;
  for (const int value : values) bytes += DicomWriter::word(static_cast<unsigned>(value));
  return bytes;
}

/// Samples in a row, 12 bits stored.
DicomWriter row_of(const std::vector<int>& samples, int stored = 12) {
  return DicomWriter().image(static_cast<int>(samples.size()), 1, stored, words_of(samples));
}

/// A sequence of one look-up table. `kind`: of its descriptor's representation.
std::string sequence_of_table(std::uint32_t tag, const std::vector<int>& descriptor,
                              const std::string& entries, const char* kind = "US") {
  const std::string numbers = words_of(descriptor);
  const std::string item = DicomWriter::header(0x00283002, kind, numbers.size()) + numbers +
                           DicomWriter::header(0x00283006, "OW", entries.size()) + entries;
  const std::string framed =
      DicomWriter::word(0xFFFE) + DicomWriter::word(0xE000) + DicomWriter::long_word(item.size()) + item;
  return DicomWriter::header(tag, "SQ", framed.size()) + framed;
}

DicomWriter windowed(const char* centre, const char* width, const char* function = "LINEAR") {
  return row_of({0, 1, 2, 3})
      .text(0x00281050, "DS", centre)
      .text(0x00281051, "DS", width)
      .text(0x00281056, "CS", function);
}

}  // namespace

TEST_CASE("DICOM look-up tables begin at their first input and hold its value before and after") {
  DicomWriter writer = row_of({0, 1, 2, 3, 4095});
  writer.raw(modality_lut, sequence_of_table(modality_lut, {3, 1, 8}, words_of({10, 100, 200})));
  CHECK(pixels_of(writer) == Greys{10, 10, 100, 200, 200});
  // Entries of 8 bits, one in a byte.
  writer.raw(modality_lut, sequence_of_table(modality_lut, {4, 1, 8}, "\x0A\x64\xC8\xFF"));
  CHECK(pixels_of(writer) == Greys{10, 10, 100, 200, 255});
  // Too few entries: the table does not count.
  writer.raw(modality_lut, sequence_of_table(modality_lut, {4, 1, 8}, "\x0A\x64"));
  CHECK(pixels_of(writer) == Greys{0, 0, 0, 0, 255});
  // The table's range is that of its bits, also of images of 16 bits.
  writer = row_of({0, 1, 2, 3, 4095}, 16);
  writer.raw(modality_lut, sequence_of_table(modality_lut, {3, 1, 12}, words_of({0, 2048, 4095})));
  CHECK(pixels_of(writer) == Greys{0, 0, 128, 255, 255});
  CHECK(decoded(writer).notes.depth == 0);
}

TEST_CASE(
    "DICOM look-up tables may have 65536 entries, and more than 32767 where the first input is signed") {
  std::vector<int> falling(65536), rising(40000);
  for (int i = 0; i < 65536; ++i) falling[static_cast<std::size_t>(i)] = 65535 - i;
  for (int i = 0; i < 40000; ++i) rising[static_cast<std::size_t>(i)] = i;
  DicomWriter writer = row_of({0, 1000, 4095}, 16);
  writer.raw(modality_lut, sequence_of_table(modality_lut, {0, 0, 16}, words_of(falling)));
  CHECK(pixels_of(writer) == Greys{255, 251, 239});
  writer = row_of({0, 100, 0xF9C}).numbers(0x00280103, "US", {1});  // 0, 100, -100
  writer.raw(modality_lut, sequence_of_table(modality_lut, {40000, -20000, 16}, words_of(rising), "SS"));
  CHECK(pixels_of(writer) == Greys{78, 78, 77});  // 20000, 20100, 19900 of 65535
  // Behind a rescaling the first input may be negative although the samples are not.
  writer = row_of({0, 1, 2, 3}).text(0x00281052, "DS", "-2");
  writer.raw(voi_lut, sequence_of_table(voi_lut, {4, -2, 8}, words_of({1, 2, 3, 255}), "UN"));
  CHECK(pixels_of(writer) == Greys{1, 2, 3, 255});
}

TEST_CASE("DICOM windows of each function") {
  CHECK(pixels_of(windowed("2", "4")) == Greys{0, 85, 170, 255});                  // (v - 1.5) / 3 + 0.5
  CHECK(pixels_of(windowed("2", "4", "LINEAR_EXACT")) == Greys{0, 64, 128, 191});  // (v - 2) / 4 + 0.5
  CHECK(pixels_of(windowed("2", "4", "SIGMOID")) == Greys{30, 69, 128, 186});      // 1 / (1 + exp(2 - v))
  CHECK(pixels_of(windowed("2", "1")) == Greys{0, 0, 255, 255});
  CHECK(pixels_of(windowed("2", "0.5")) == Greys{0, 0, 0, 0});  // no window: 3 of 4095 is black
  CHECK(pixels_of(windowed("2", "0.5", "LINEAR_EXACT")) == Greys{0, 0, 128, 255});
  CHECK(pixels_of(windowed("2", "4").text(0x00281053, "DS", "0")) == Greys{0, 85, 170, 255});  // no slope
  DicomWriter both = windowed("2", "4");
  both.raw(voi_lut, sequence_of_table(voi_lut, {4, 0, 8}, words_of({9, 8, 7, 6})));
  CHECK(pixels_of(both) == Greys{9, 8, 7, 6});
  CHECK_FALSE(decoded(both).notes.window.empty());
  CHECK(decoded(windowed("2", "4")).notes.window.empty());
  CHECK(decoded(windowed("2\\3", "4\\5")).notes.window == "window 1 of 2");
}

TEST_CASE("DICOM padding is a range, and 16 bits rescaled downwards are inverted") {
  DicomWriter writer = row_of({0, 1000, 2000, 4095}).text(0x00280004, "CS", "MONOCHROME1");
  writer.numbers(0x00280120, "US", {1000}).numbers(0x00280121, "US", {0});
  CHECK(pixels_of(writer) == Greys{0, 0, 130, 0});
  CHECK(pixels_of(row_of({0, 1000, 2000, 4095}, 16).text(0x00281053, "DS", "-1")) ==
        Greys{255, 251, 247, 239});
}

TEST_CASE("DICOM samples that lie high in their words") {
  DicomWriter writer = row_of({0, 1000 << 4, 2000 << 4, 4095 << 4 | 15}).numbers(0x00280102, "US", {15});
  CHECK(pixels_of(writer) == Greys{0, 62, 125, 255});
}

TEST_CASE("DICOM colours by pixel, by plane and as luminance and chrominance") {
  const auto colours = [](const char* photometric, const std::string& pixels) {
    return DicomWriter()
        .image(2, 1, 8, pixels)
        .numbers(0x00280002, "US", {3})
        .text(0x00280004, "CS", photometric);
  };
  CHECK(pixels_of(colours("RGB", "\1\2\3\4\5\6"), 3) == Greys{1, 2, 3, 4, 5, 6});
  CHECK(pixels_of(colours("RGB", "\1\4\2\5\3\6").numbers(0x00280006, "US", {1}), 3) ==
        Greys{1, 2, 3, 4, 5, 6});
  const Greys converted = {240, 29, 100, 100, 66, 255};  // Cr 100 above its middle, then Cb
  CHECK(pixels_of(colours("YBR_FULL", "\x64\x80\xE4\x64\xE4\x80"), 3) == converted);
}

TEST_CASE("run-length coded DICOM frames of 16 bits, in several fragments and with colours") {
  const auto fragment = [](const std::string& bytes) {
    return DicomWriter::word(0xFFFE) + DicomWriter::word(0xE000) + DicomWriter::long_word(bytes.size()) +
           bytes;
  };
  const auto encapsulated = [&](const std::string& fragments) {
    return DicomWriter::header(0x7FE00010, "OB", 0xFFFFFFFF) + fragments + DicomWriter::word(0xFFFE) +
           DicomWriter::word(0xE0DD) + DicomWriter::long_word(0);
  };
  const auto frame_of = [](const std::vector<std::string>& segments) {
    std::string header = DicomWriter::long_word(segments.size()), bytes;
    for (const std::string& segment : segments) {
      header += DicomWriter::long_word(64 + bytes.size());
      bytes += segment;
    }
    header.resize(64, '\0');
    return header + bytes;
  };
  const std::string frame =
      frame_of({std::string("\x80\3\0\3\7\xF", 6), std::string("\3\0\xE8\xD0\xFF\x80", 6)});
  const Greys expected = {0, 62, 125, 255};
  DicomWriter writer = DicomWriter("1.2.840.10008.1.2.5").image(4, 1, 12, "");
  writer.raw(0x7FE00010, encapsulated(fragment("") + fragment(frame)));
  CHECK(pixels_of(writer) == expected);
  // Two frames, the first in two fragments: only the table of offsets says so.
  writer.text(0x00280008, "IS", "2");
  const std::string first = frame.substr(0, 66), rest = frame.substr(66);
  const std::string table = DicomWriter::long_word(0) + DicomWriter::long_word(16 + frame.size());
  writer.raw(0x7FE00010, encapsulated(fragment(table) + fragment(first) + fragment(rest) + fragment(frame)));
  CHECK(pixels_of(writer) == expected);
  std::string outside = frame;
  outside.replace(4, 4, DicomWriter::long_word(8));  // a segment within the header
  writer.raw(0x7FE00010, encapsulated(fragment(table) + fragment(outside)));
  CHECK_THROWS_AS(pixels_of(writer), Error);
  DicomWriter colours = DicomWriter("1.2.840.10008.1.2.5").image(2, 1, 8, "");
  colours.numbers(0x00280002, "US", {3}).text(0x00280004, "CS", "YBR_FULL");
  colours.raw(0x7FE00010, encapsulated(fragment("") + fragment(frame_of({"\1\x64\x64\x80", "\1\x80\xE4\x80",
                                                                         "\1\xE4\x80\x80"}))));
  CHECK(pixels_of(colours, 3) == Greys{240, 29, 100, 100, 66, 255});
  // Fragments in a file that says that it is not compressed.
  DicomWriter plain = row_of({1, 2});
  plain.raw(0x7FE00010, encapsulated(fragment("") + fragment(std::string(80, '\0'))));
  try {
    (void)pixels_of(plain);
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == error_code::image_damaged);
  }
}

TEST_CASE("a DICOM file whose codestream has another size than it states is damaged") {
  const std::vector<std::byte> jpeg = encode_jpeg(random_image(16, 8, 1), 90);
  std::string bytes(reinterpret_cast<const char*>(jpeg.data()), jpeg.size());
  if (bytes.size() % 2 != 0) bytes += '\0';
  const auto file_of = [&](int columns, int rows) {
    DicomWriter writer = DicomWriter("1.2.840.10008.1.2.4.50").image(columns, rows, 8, "");
    writer.numbers(0x00280002, "US", {3}).text(0x00280004, "CS", "YBR_FULL_422");
    const auto item = [](const std::string& value) {
      return DicomWriter::word(0xFFFE) + DicomWriter::word(0xE000) + DicomWriter::long_word(value.size()) +
             value;
    };
    return writer.raw(0x7FE00010, DicomWriter::header(0x7FE00010, "OB", 0xFFFFFFFF) + item("") + item(bytes) +
                                      DicomWriter::word(0xFFFE) + DicomWriter::word(0xE0DD) +
                                      DicomWriter::long_word(0));
  };
  CHECK(pixels_of(file_of(16, 8), 3) == decode_image(jpeg, 3).pixels);
  try {
    (void)pixels_of(file_of(8, 16), 3);
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == error_code::image_damaged);
  }
}
