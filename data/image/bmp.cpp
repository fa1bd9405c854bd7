// BMP: run-length coded ones are read here, all others through stb_image.
#include "data/image/bmp_run_length.h"
#include "data/image/byte_reader.h"
#include "data/image/raw_image.h"
#include "data/image/stb_decode.h"

#include <cstdlib>

namespace xr::data {

namespace {

/// Bits of a pixel; 0 if the file ends before it says.
std::uint32_t bmp_bits(const ByteReader& reader) {
  return reader.size() >= 30 ? reader.little16(28) : 0;
}

ImageHeader read_bmp_header(const ByteReader& reader) {
  ImageHeader header{ImageFormat::bmp, 0, 0, 0, 0};
  const bool os2 = reader.little32(14) == 12;  // OS/2 1.x
  const auto pixel_bits = static_cast<int>(os2 ? reader.little16(24) : bmp_bits(reader));
  header.channels = pixel_bits <= 8 ? 1 : pixel_bits == 32 ? 4 : 3;
  header.bits = pixel_bits <= 8 ? pixel_bits : 8;
  if (os2) {
    header.width = reader.little16(18);
    header.height = reader.little16(20);
  } else {
    header.width = reader.little32(18);
    const auto height = static_cast<std::int32_t>(reader.little32(22));  // negative: rows from the top
    header.height = static_cast<std::uint64_t>(std::llabs(height));
  }
  return header;
}

void check_bmp_complete(const ByteReader& reader, const ImageHeader& header) {
  const bool os2 = reader.little32(14) == 12;
  const std::uint64_t bits = reader.little16(os2 ? 24 : 28);
  const std::uint64_t row = (header.width * bits + 31) / 32 * 4, padding = 3;
  const std::uint64_t needed = reader.little32(10) + row * header.height;
  XR_CHECK_CODE(needed <= reader.size() + padding, error_code::image_truncated,
                "the BMP is truncated: it has {} bytes of {}", reader.size(), needed);
}

ImageHeader bmp_header(std::span<const std::byte> bytes) {
  return read_bmp_header(ByteReader(bytes));
}

RawImage decode_bmp(std::span<const std::byte> bytes, const ImageHeader& header) {
  if (is_run_length_bmp(bytes)) return decode_run_length_bmp(bytes, header);
  check_bmp_complete(ByteReader(bytes), header);
  return decode_with_stb(bytes, false);
}

}  // namespace

const ImageReader* bmp_reader() {
  static constexpr ImageReader reader{bmp_header, decode_bmp};
  return &reader;
}

}  // namespace xr::data
