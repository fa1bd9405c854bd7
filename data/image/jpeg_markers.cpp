#include "data/image/jpeg_markers.h"

#include "data/image/byte_reader.h"
#include "data/image/exif.h"

namespace xr::data {

namespace {

constexpr std::uint32_t jpeg_ls_frame = 0xF7;

/// SOF0 to SOF15 without DHT (C4), JPG (C8) and DAC (CC); SOF55 is that of JPEG-LS.
bool is_frame_marker(std::uint32_t marker) {
  return marker == jpeg_ls_frame ||
         (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC);
}

bool has_no_length(std::uint32_t marker) {
  return marker == 0x00 || marker == 0x01 || (marker >= 0xD0 && marker <= 0xD8);
}

}  // namespace

JpegFrame read_jpeg_frame(std::span<const std::byte> bytes) {
  const ByteReader reader(bytes);
  JpegFrame frame;
  for (std::size_t at = 2;;) {
    while (at + 1 < reader.size() && !(reader.u8(at) == 0xFF && reader.u8(at + 1) != 0xFF)) ++at;
    XR_CHECK_CODE(at + 1 < reader.size(), error_code::image_truncated,
                  "the JPEG is truncated: it ends after {} bytes without a frame header", reader.size());
    const std::uint32_t marker = reader.u8(at + 1);
    at += 2;
    if (has_no_length(marker)) continue;
    XR_CHECK_CODE(marker != 0xD9 && marker != 0xDA, error_code::image_damaged,
                  "the JPEG holds no image: there is no frame header before byte {}", at);
    XR_CHECK_CODE(at + 2 <= reader.size() && at + reader.big16(at) <= reader.size(),
                  error_code::image_truncated,
                  "the JPEG is truncated: it ends after {} bytes inside a segment", reader.size());
    const std::size_t length = reader.big16(at);
    if (marker == 0xE1 && length > 2 && frame.orientation == 1)
      frame.orientation = exif_orientation(bytes.subspan(at + 2, length - 2));
    if (is_frame_marker(marker)) {
      XR_CHECK_CODE(length >= 8, error_code::image_damaged,
                    "the JPEG is damaged: its frame header has only {} bytes", length);
      frame.marker = marker;
      frame.bits = static_cast<int>(reader.u8(at + 2));
      frame.height = reader.big16(at + 3);
      frame.width = reader.big16(at + 5);
      frame.components = static_cast<int>(reader.u8(at + 7));
      return frame;
    }
    at += length;
  }
}

std::string jpeg_process_name(const JpegFrame& frame) {
  if (frame.marker == jpeg_ls_frame) return "JPEG-LS";
  const std::uint32_t process = frame.marker & 3;  // sequential, sequential, progressive, lossless
  std::string name;
  if ((frame.marker & 4) != 0) name += "hierarchical ";
  if ((frame.marker & 8) != 0) name += "arithmetic-coded ";
  if (process != 3 && frame.bits != 8) name += fmt::format("{}-bit ", frame.bits);
  name += process == 3           ? "lossless"
          : process == 2         ? "progressive"
          : frame.marker == 0xC0 ? "baseline"
                                 : "sequential";
  return name;
}

}  // namespace xr::data
