// The marker segments of a JPEG or JPEG-LS file up to its first scan (ITU-T T.81, B.1; T.87, C).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace xr::data {

struct JpegFrame {
  std::uint32_t marker = 0;  ///< of the frame header: the second byte, 0xC0 to 0xCF or 0xF7
  int bits = 0, components = 0;
  std::uint32_t width = 0, height = 0;
  int orientation = 1;  ///< EXIF, of a segment before the frame header
};

/// Throws xr::Error if the bytes end before a frame header (image_truncated), or if there is none.
[[nodiscard]] JpegFrame read_jpeg_frame(std::span<const std::byte> bytes);

/// "baseline", "12-bit", "lossless", "arithmetic-coded progressive", ...
[[nodiscard]] std::string jpeg_process_name(const JpegFrame& frame);

}  // namespace xr::data
