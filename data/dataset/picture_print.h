// What a duplicate of a picture is found by: small, and made once, while the whole image is decoded.
#pragma once

#include "data/image/image.h"

#include <array>
#include <cstdint>
#include <span>

namespace xr::data {

/// An image as 64 x 64 grey bytes, resized with antialiasing whatever its aspect ratio.
constexpr int thumbnail_side = 64;
constexpr std::size_t thumbnail_pixels = std::size_t{thumbnail_side} * thumbnail_side;
using Thumbnail = std::array<std::uint8_t, thumbnail_pixels>;

struct PicturePrint {
  std::uint64_t pixels = 0;  ///< hash of the decoded grey pixels and the size
  Thumbnail thumbnail{};
  bool framed = false;  ///< there is a border of one grey level (black or white, mostly) around the picture
  Thumbnail picture{};  ///< of what is within that border; zeros if there is none

  bool operator==(const PicturePrint&) const = default;
};

/// Of an image of 1 channel, or of 3 taken as grey (ITU-R 601, as decode_image makes it).
[[nodiscard]] PicturePrint print_of(const Image& image);

/// A print as bytes, for a file.
constexpr std::size_t picture_print_bytes = 2 * thumbnail_pixels + 2 * sizeof(std::uint64_t);
void write_print(const PicturePrint& print, std::span<std::uint8_t, picture_print_bytes> bytes);
[[nodiscard]] PicturePrint read_print(std::span<const std::uint8_t, picture_print_bytes> bytes);

}  // namespace xr::data
