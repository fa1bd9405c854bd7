#include "data/dataset/stored_image.h"

#include "data/content_hash.h"
#include "data/image/resize.h"

#include <array>
#include <span>

namespace xr::data {

std::uint64_t fingerprint_of(const Image& image) {
  const std::array<int, 3> shape = {image.width, image.height, image.channels};
  return content_hash(std::as_bytes(std::span(image.pixels)), content_hash(std::as_bytes(std::span(shape))));
}

std::vector<std::uint8_t> stored_pixels(const Image& decoded, const StoredFormat& format) {
  const Image image = format.shape == StoredShape::square
                          ? resize(decoded, format.size, format.size)
                          : resize_and_crop(decoded, format.size, format.size);
  std::vector<std::uint8_t> planar = image.pixels;
  const std::size_t plane = static_cast<std::size_t>(format.size) * format.size;
  if (format.channels == 3)
    for (std::size_t i = 0; i < plane; ++i)
      for (std::size_t c = 0; c < 3; ++c) planar[c * plane + i] = image.pixels[i * 3 + c];
  apply_mask(planar, format);
  return planar;
}

void write_facts(std::span<std::uint8_t> slot, const PicturePrint& print, const PictureMarks& marks) {
  const auto facts = slot.last<picture_print_bytes + picture_marks_bytes>();
  write_print(print, facts.first<picture_print_bytes>());
  write_marks(marks, facts.last<picture_marks_bytes>());
}

}  // namespace xr::data
