// What checks ask of an image's pixels, kept with the stored image: a cached one is not decoded again for it.
#pragma once

#include "data/image/image.h"

#include <cstdint>
#include <span>

namespace xr::data {

struct PictureMarks {
  std::uint8_t bits = 0;   ///< of a stored sample
  std::uint8_t depth = 0;  ///< ImageNotes::depth: bits in use of samples of more than 8 bits, else 0
  Transparency transparency = Transparency::none;
  bool one_level = false;  ///< All pixels have the same value.

  bool operator==(const PictureMarks&) const = default;
};

[[nodiscard]] PictureMarks marks_of(const ImageNotes& notes);
/// Of an image that has 8 bits and no alpha.
[[nodiscard]] PictureMarks marks_of(const Image& image);

/// As bytes, for a file.
constexpr std::size_t picture_marks_bytes = 8;
void write_marks(const PictureMarks& marks, std::span<std::uint8_t, picture_marks_bytes> bytes);
[[nodiscard]] PictureMarks read_marks(std::span<const std::uint8_t, picture_marks_bytes> bytes);

}  // namespace xr::data
