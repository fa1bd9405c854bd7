// PNG through stb_image, which alone accepts some files that are not whole.
#include "data/image/byte_reader.h"
#include "data/image/exif.h"
#include "data/image/raw_image.h"
#include "data/image/stb_decode.h"
#include "engine/io/crc32.h"

#include <algorithm>
#include <array>

namespace xr::data {

namespace {

constexpr std::size_t png_signature_bytes = 8;

/// Channels by the colour type of a PNG's first chunk (ISO 15948, table 11.1).
int png_channels(std::uint32_t colour_type) {
  switch (colour_type) {
    case 2:
      return 3;
    case 4:
      return 2;
    case 6:
      return 4;
    default:
      return 1;
  }
}

ImageHeader png_header(std::span<const std::byte> bytes) {
  XR_CHECK_CODE(bytes.size() >= 33, error_code::image_truncated, "the PNG is truncated: it has only {} bytes",
                bytes.size());
  XR_CHECK_CODE(starts_with(bytes.subspan(12), "IHDR"), error_code::image_damaged,
                "the PNG is damaged: its first chunk is not IHDR");
  const ByteReader reader(bytes);
  return {ImageFormat::png, reader.big32(16), reader.big32(20), png_channels(reader.u8(25)),
          static_cast<int>(reader.u8(24))};
}

// Of the critical chunks, those that the decoder reads; CgBI is Apple's.
bool is_known_png_chunk(std::span<const std::byte> type) {
  return std::ranges::any_of(std::array{"IHDR", "PLTE", "IDAT", "IEND", "CgBI"},
                             [&](const char* known) { return starts_with(type, known); });
}

/// The file has its IEND chunk and right checksums. Gives the EXIF orientation.
int check_png_complete(std::span<const std::byte> bytes, const ImageHeader& header) {
  const ByteReader reader(bytes);
  std::uint64_t compressed = 0;
  int orientation = 1;
  for (std::size_t at = png_signature_bytes;;) {
    XR_CHECK_CODE(at + 12 <= reader.size() && reader.big32(at) <= reader.size() - at - 12,
                  error_code::image_truncated,
                  "the PNG is truncated: it ends after {} bytes without its IEND chunk", reader.size());
    const std::size_t length = reader.big32(at);
    const auto type = bytes.subspan(at + 4, 4);
    const bool critical = (reader.u8(at + 4) & 0x20) == 0;
    XR_CHECK_CODE(!critical || is_known_png_chunk(type), error_code::image_damaged,
                  "the PNG has a chunk of an unknown kind at byte {}", at);
    XR_CHECK_CODE(
        !critical || engine::crc32(bytes.subspan(at + 4, length + 4)) == reader.big32(at + 8 + length),
        error_code::image_damaged, "the PNG is damaged: wrong checksum in the chunk at byte {}", at);
    if (starts_with(type, "eXIf")) orientation = exif_orientation(bytes.subspan(at + 8, length));
    if (starts_with(type, "IDAT")) compressed += length;
    if (starts_with(type, "IEND")) break;
    at += length + 12;
  }
  XR_CHECK_CODE(compressed > 0, error_code::image_damaged, "the PNG holds no image data");
  // Deflate never grows data by more than a few bytes per block: more than that could only serve to make the
  // decoder inflate far beyond the image.
  const std::uint64_t raw = header.height * (header.width * 8 + 1);
  XR_CHECK_CODE(compressed <= raw + raw / 64 + 65536, error_code::image_damaged,
                "the PNG is damaged: {} bytes of data for {} x {} pixels", compressed, header.width,
                header.height);
  return orientation;
}

RawImage decode_png(std::span<const std::byte> bytes, const ImageHeader& header) {
  const int orientation = check_png_complete(bytes, header);
  RawImage raw = decode_with_stb(bytes, header.bits == 16);
  raw.orientation = orientation;
  return raw;
}

}  // namespace

const ImageReader* png_reader() {
  static constexpr ImageReader reader{png_header, decode_png};
  return &reader;
}

}  // namespace xr::data
