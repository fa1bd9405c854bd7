// What an image file says of itself. Nothing is decoded here.
#pragma once

#include "data/image/image_format.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace xr::data {

struct ImageHeader {
  ImageFormat format{};
  std::uint64_t width = 0, height = 0;  ///< As stored, before the EXIF orientation.
  int channels =
      0;         ///< As stored: 1 grey or palette, 2 grey and alpha, 3 colour, 4 colour and alpha or CMYK.
  int bits = 0;  ///< Of a sample; of a palette's index.
};

/// Recognises the format by content and reads the size; the start of a file may be enough. Throws xr::Error
/// as decode_image.
ImageHeader read_image_header(std::span<const std::byte> bytes);

}  // namespace xr::data
