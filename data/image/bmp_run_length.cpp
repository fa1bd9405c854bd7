#include "data/image/bmp_run_length.h"

#include "data/image/byte_reader.h"

#include <algorithm>

namespace xr::data {

namespace {

constexpr std::uint32_t rle8 = 1, rle4 = 2;  // "compression" of the header
constexpr std::size_t compression_at = 30;

/// Writes palette indexes along the rows, from the bottom of the picture.
class Pen {
 public:
  Pen(std::uint64_t width, std::uint64_t height) : width_(width), height_(height), indexes_(width * height) {}

  void put(std::uint32_t index) {
    XR_CHECK_CODE(x_ < width_ && y_ < height_, error_code::image_damaged,
                  "the BMP is damaged: a run leaves the picture in row {}", y_);
    indexes_[(height_ - 1 - y_) * width_ + x_++] = static_cast<std::uint8_t>(index);
  }
  void next_row() { x_ = 0, ++y_; }
  void move(std::uint32_t columns, std::uint32_t rows) { x_ += columns, y_ += rows; }
  [[nodiscard]] bool beyond() const { return y_ >= height_; }
  [[nodiscard]] bool at_end() const { return y_ + 1 == height_ && x_ == width_; }
  [[nodiscard]] const std::vector<std::uint8_t>& indexes() const { return indexes_; }

 private:
  std::uint64_t width_, height_, x_ = 0, y_ = 0;
  std::vector<std::uint8_t> indexes_;
};

/// One run of equal pixels, or of two in turn (RLE4).
void put_run(Pen& pen, std::uint32_t count, std::uint32_t value, bool nibbles) {
  for (std::uint32_t i = 0; i < count; ++i) pen.put(!nibbles ? value : i % 2 == 0 ? value >> 4 : value & 15);
}

/// `count` pixels as they are; padded to 16 bits. Gives the bytes that they took.
std::size_t put_literal(Pen& pen, const ByteReader& reader, std::size_t at, std::uint32_t count,
                        bool nibbles) {
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t value = reader.u8(at + (nibbles ? i / 2 : i));
    pen.put(!nibbles ? value : i % 2 == 0 ? value >> 4 : value & 15);
  }
  const std::size_t bytes = nibbles ? (count + 1) / 2 : count;
  return (bytes + 1) / 2 * 2;
}

void draw(Pen& pen, const ByteReader& reader, std::size_t at, bool nibbles) {
  for (;;) {
    // Some programs leave out the end mark.
    if (pen.beyond() || (pen.at_end() && at + 1 >= reader.size())) return;
    const std::uint32_t count = reader.u8(at), value = reader.u8(at + 1);
    at += 2;
    if (count > 0)
      put_run(pen, count, value, nibbles);
    else if (value == 0)
      pen.next_row();
    else if (value == 1)
      return;
    else if (value == 2)
      pen.move(reader.u8(at), reader.u8(at + 1)), at += 2;
    else
      at += put_literal(pen, reader, at, value, nibbles);
  }
}

}  // namespace

bool is_run_length_bmp(std::span<const std::byte> bytes) {
  const ByteReader reader(bytes);
  if (reader.little32(14) < 40) return false;  // versions before Windows 3
  const std::uint32_t compression = reader.little32(compression_at);
  return compression == rle8 || compression == rle4;
}

RawImage decode_run_length_bmp(std::span<const std::byte> bytes, const ImageHeader& header) {
  const ByteReader reader(bytes);
  const std::uint32_t compression = reader.little32(compression_at), bits = reader.little16(28);
  XR_CHECK_CODE(bits == (compression == rle8 ? 8u : 4u), error_code::image_damaged,
                "the BMP is damaged: run-length coded with {} bits a pixel", bits);
  const std::size_t palette_at = 14 + std::size_t{reader.little32(14)};
  const std::uint32_t stated = reader.little32(46), most = 1u << bits;
  const std::uint32_t colours = stated == 0 ? most : std::min(stated, most);
  Pen pen(header.width, header.height);
  draw(pen, reader, reader.little32(10), compression == rle4);
  RawImage raw;
  raw.width = static_cast<int>(header.width);
  raw.height = static_cast<int>(header.height);
  raw.channels = 3;
  raw.bytes.reserve(sample_count(raw));
  for (const std::uint8_t index : pen.indexes()) {
    XR_CHECK_CODE(index < colours, error_code::image_damaged,
                  "the BMP is damaged: colour {} of a palette of {}", index, colours);
    const std::size_t entry = palette_at + std::size_t{index} * 4;  // blue, green, red
    for (const std::size_t channel : {2, 1, 0})
      raw.bytes.push_back(static_cast<std::uint8_t>(reader.u8(entry + channel)));
  }
  return raw;
}

}  // namespace xr::data
