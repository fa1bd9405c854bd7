#include "data/image/image_header.h"

#include "data/image/pnm.h"
#include "kernels/common/error.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace xr::data {

namespace {

/// Bounds-checked big- and little-endian reads.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}
  [[nodiscard]] std::uint32_t u8(std::size_t at) const {
    XR_CHECK(at < bytes_.size(), "the file is truncated");
    return static_cast<std::uint32_t>(bytes_[at]);
  }
  [[nodiscard]] std::uint32_t big16(std::size_t at) const { return u8(at) << 8 | u8(at + 1); }
  [[nodiscard]] std::uint32_t big32(std::size_t at) const { return big16(at) << 16 | big16(at + 2); }
  [[nodiscard]] std::uint32_t little16(std::size_t at) const { return u8(at) | u8(at + 1) << 8; }
  [[nodiscard]] std::uint32_t little32(std::size_t at) const { return little16(at) | little16(at + 2) << 16; }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }

 private:
  std::span<const std::byte> bytes_;
};

constexpr std::size_t png_signature_bytes = 8;

bool starts_with(std::span<const std::byte> bytes, std::string_view text) {
  return bytes.size() >= text.size() && std::memcmp(bytes.data(), text.data(), text.size()) == 0;
}

/// CRC-32 of PNG (ISO 3309, polynomial 0xEDB88320 reflected).
std::uint32_t crc32(std::span<const std::byte> bytes) {
  static const std::array<std::uint32_t, 256> table = [] {
    std::array<std::uint32_t, 256> values{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = (value & 1 ? 0xEDB88320u : 0u) ^ value >> 1;
      values[i] = value;
    }
    return values;
  }();
  std::uint32_t crc = 0xFFFFFFFFu;
  for (const std::byte byte : bytes) crc = table[(crc ^ static_cast<std::uint32_t>(byte)) & 0xFF] ^ crc >> 8;
  return ~crc;
}

/// Which Huffman tables a JPEG has defined so far. stb_image 2.27 trusts their sizes and that a scan uses
/// only defined ones, and writes or reads beyond its arrays otherwise.
class HuffmanTables {
 public:
  /// A DHT segment (T.81, B.2.4.2): at most 256 codes a table.
  void define(const Reader& reader, std::size_t at, std::size_t end) {
    while (at < end) {
      const std::uint32_t kind = reader.u8(at++);
      std::uint32_t codes = 0;
      for (int length = 1; length <= 16; ++length) codes += reader.u8(at++);
      XR_CHECK(kind >> 4 <= 1 && (kind & 15) <= 3 && codes <= 256 && at + codes <= end,
               "the JPEG is damaged: wrong Huffman table before byte {}", at);
      defined_[kind >> 4][kind & 15] = true;
      at += codes;
    }
  }

  /// An SOS segment (T.81, B.2.3): each component names a DC and an AC table; the first scan of a progressive
  /// image uses only the DC ones, later ones only the AC ones.
  void check_scan(const Reader& reader, std::size_t at, bool progressive) const {
    const std::uint32_t components = reader.u8(at);
    const std::size_t after = at + 1 + 2 * components;
    const bool dc = !progressive || reader.u8(after) == 0, ac = !progressive || reader.u8(after) != 0;
    for (std::uint32_t i = 0; i < components; ++i) {
      const std::uint32_t tables = reader.u8(at + 2 + 2 * i);
      XR_CHECK(tables >> 4 <= 3 && (tables & 15) <= 3 && (!dc || defined_[0][tables >> 4]) &&
                   (!ac || defined_[1][tables & 15]),
               "the JPEG is damaged: the scan at byte {} uses a Huffman table that is not there", at);
    }
  }

 private:
  bool defined_[2][4] = {};
};

/// A JPEG is a list of marker segments; only the entropy-coded data after SOS has no length (ITU-T T.81,
/// B.1). Gives the size of the frame header; with `to_end` set walks on to the EOI marker.
ImageHeader walk_jpeg(std::span<const std::byte> bytes, bool to_end) {
  const Reader reader(bytes);
  ImageHeader header{ImageFormat::jpeg, 0, 0, 0, 0};
  HuffmanTables tables;
  bool scan_seen = false, progressive = false;
  for (std::size_t at = 2;;) {
    while (at + 1 < reader.size() && !(reader.u8(at) == 0xFF && reader.u8(at + 1) != 0xFF)) ++at;
    XR_CHECK(at + 1 < reader.size(), "the JPEG is truncated: it ends after {} bytes without its end marker",
             reader.size());
    const std::uint32_t marker = reader.u8(at + 1);
    at += 2;
    if (marker == 0xD9) break;  // EOI
    if (marker == 0x00 || marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8))
      continue;  // no length follows
    XR_CHECK(at + 2 <= reader.size() && at + reader.big16(at) <= reader.size(),
             "the JPEG is truncated: it ends after {} bytes inside a segment", reader.size());
    const std::size_t length = reader.big16(at);
    const bool frame = marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    if (frame && length >= 7) {
      header.height = reader.big16(at + 3);
      header.width = reader.big16(at + 5);
      header.bits = static_cast<int>(reader.u8(at + 2));
      header.channels = length >= 8 ? static_cast<int>(reader.u8(at + 7)) : 0;
      progressive = marker == 0xC2;
      if (!to_end) return header;
    }
    if (marker == 0xC4) tables.define(reader, at + 2, at + length);
    if (marker == 0xDA) tables.check_scan(reader, at + 2, progressive);
    scan_seen = scan_seen || marker == 0xDA;
    at += length;
  }
  XR_CHECK(header.width > 0 && scan_seen, "the JPEG holds no image");
  return header;
}

// Of the critical chunks, those that the decoder reads; CgBI is Apple's.
bool is_known_png_chunk(std::span<const std::byte> type) {
  return std::ranges::any_of(std::array{"IHDR", "PLTE", "IDAT", "IEND", "CgBI"},
                             [&](const char* known) { return starts_with(type, known); });
}

void check_png_complete(std::span<const std::byte> bytes, const ImageHeader& header) {
  const Reader reader(bytes);
  std::uint64_t compressed = 0;
  for (std::size_t at = png_signature_bytes;;) {
    XR_CHECK(at + 12 <= reader.size() && reader.big32(at) <= reader.size() - at - 12,
             "the PNG is truncated: it ends after {} bytes without its IEND chunk", reader.size());
    const std::size_t length = reader.big32(at);
    const auto type = bytes.subspan(at + 4, 4);
    const bool critical = (reader.u8(at + 4) & 0x20) == 0;
    XR_CHECK(!critical || is_known_png_chunk(type), "the PNG has a chunk of an unknown kind at byte {}", at);
    XR_CHECK(!critical || crc32(bytes.subspan(at + 4, length + 4)) == reader.big32(at + 8 + length),
             "the PNG is damaged: wrong checksum in the chunk at byte {}", at);
    if (starts_with(type, "IDAT")) compressed += length;
    if (starts_with(type, "IEND")) break;
    at += length + 12;
  }
  XR_CHECK(compressed > 0, "the PNG holds no image data");
  // Deflate never grows data by more than a few bytes per block: more than that could only serve to make the
  // decoder inflate far beyond the image.
  const std::uint64_t raw = header.height * (header.width * 8 + 1);
  XR_CHECK(compressed <= raw + raw / 64 + 65536, "the PNG is damaged: {} bytes of data for {} x {} pixels",
           compressed, header.width, header.height);
}

/// Bits of a pixel; 0 if the file ends before it says.
std::uint32_t bmp_bits(const Reader& reader) {
  return reader.size() >= 30 ? reader.little16(28) : 0;
}

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

ImageHeader read_bmp_header(const Reader& reader) {
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

void check_bmp_complete(const Reader& reader, const ImageHeader& header) {
  const bool os2 = reader.little32(14) == 12;
  const std::uint64_t bits = reader.little16(os2 ? 24 : 28);
  const std::uint64_t compression = os2 ? 0 : reader.little32(30);
  if (compression == 1 || compression == 2) return;  // run-length coded: the decoder refuses it by name
  const std::uint64_t row = (header.width * bits + 31) / 32 * 4, padding = 3;
  const std::uint64_t needed = reader.little32(10) + row * header.height;
  XR_CHECK(needed <= reader.size() + padding, "the BMP is truncated: it has {} bytes of {}", reader.size(),
           needed);
}

}  // namespace

ImageHeader read_image_header(std::span<const std::byte> bytes) {
  const Reader reader(bytes);
  if (starts_with(bytes, "\x89PNG\r\n\x1a\n")) {
    XR_CHECK(bytes.size() >= 33, "the PNG is truncated: it has only {} bytes", bytes.size());
    XR_CHECK(starts_with(bytes.subspan(12), "IHDR"), "the PNG is damaged: its first chunk is not IHDR");
    return {ImageFormat::png, reader.big32(16), reader.big32(20), png_channels(reader.u8(25)),
            static_cast<int>(reader.u8(24))};
  }
  if (starts_with(bytes, "\xFF\xD8\xFF")) return walk_jpeg(bytes, false);
  if (starts_with(bytes, "BM") && bytes.size() >= 26) return read_bmp_header(reader);
  if (is_pnm(bytes)) {
    const PnmHeader pnm = read_pnm_header(bytes);
    return {ImageFormat::pnm, pnm.width, pnm.height, pnm.channels, pnm.max_value > 255 ? 16 : 8};
  }
  throw Error("the content is no JPEG, PNG, BMP, PGM or PPM image, whatever the file name says");
}

void check_image_complete(std::span<const std::byte> bytes, const ImageHeader& header) {
  if (header.format == ImageFormat::jpeg) walk_jpeg(bytes, true);
  if (header.format == ImageFormat::png) check_png_complete(bytes, header);
  if (header.format == ImageFormat::bmp) check_bmp_complete(Reader(bytes), header);
}

}  // namespace xr::data
