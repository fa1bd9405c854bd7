#include "data/dataset/picture_marks.h"

#include <algorithm>

namespace xr::data {

PictureMarks marks_of(const ImageNotes& notes) {
  return {static_cast<std::uint8_t>(notes.stored_bits), static_cast<std::uint8_t>(notes.depth),
          notes.transparency, notes.one_level};
}

PictureMarks marks_of(const Image& image) {
  return {8, 0, Transparency::none,
          std::equal(image.pixels.begin() + image.channels, image.pixels.end(), image.pixels.begin())};
}

void write_marks(const PictureMarks& marks, std::span<std::uint8_t, picture_marks_bytes> bytes) {
  std::ranges::fill(bytes, std::uint8_t{0});
  bytes[0] = marks.bits;
  bytes[1] = marks.depth;
  bytes[2] = static_cast<std::uint8_t>(marks.transparency);
  bytes[3] = marks.one_level ? 1 : 0;
}

PictureMarks read_marks(std::span<const std::uint8_t, picture_marks_bytes> bytes) {
  PictureMarks marks{bytes[0], bytes[1], Transparency::none, bytes[3] != 0};
  if (bytes[2] <= static_cast<std::uint8_t>(Transparency::picture_in_alpha))
    marks.transparency = static_cast<Transparency>(bytes[2]);
  return marks;
}

}  // namespace xr::data
