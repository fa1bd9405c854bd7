// What an image file says of itself, and whether the file is whole. Nothing is decoded here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace xr::data {

enum class ImageFormat { jpeg, png, bmp, pnm };

struct ImageHeader {
  ImageFormat format{};
  std::uint64_t width = 0, height = 0;
  int channels = 0;  ///< As stored: 1 grey or palette, 2 grey and alpha, 3 colour, 4 colour and alpha.
  int bits = 0;      ///< Of a sample; of a palette's index.
};

/// Recognises the format by content and reads the size. Throws xr::Error if the bytes are no known image.
ImageHeader read_image_header(std::span<const std::byte> bytes);

/// Throws xr::Error unless the file is complete: a JPEG reaches its end marker, a PNG has its IEND chunk and
/// right checksums, a BMP holds all its rows. stb_image alone accepts some truncated files.
void check_image_complete(std::span<const std::byte> bytes, const ImageHeader& header);

}  // namespace xr::data
