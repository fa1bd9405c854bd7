#include "data/dataset/picture_print.h"

#include "data/content_hash.h"
#include "data/image/resize.h"

#include <algorithm>
#include <cstring>
#include <optional>

namespace xr::data {

namespace {

/// Whether a row or column, `step` apart, has nearly one grey level; JPEG and a few burnt-in letters are
/// allowed.
bool is_uniform(const Image& grey, std::size_t begin, std::size_t step, int count, int level) {
  constexpr int tolerance = 12;
  int other = 0;
  for (int i = 0; i < count; ++i)
    if (std::abs(grey.pixels[begin + static_cast<std::size_t>(i) * step] - level) > tolerance) ++other;
  return other * 50 <= count;
}

/// How many of the first `most` rows or columns, `next` apart from each other, are of one grey level.
int border_width(const Image& grey, std::size_t first, std::ptrdiff_t next, std::size_t step, int count,
                 int most) {
  std::vector<std::uint8_t> line;
  for (int i = 0; i < count; ++i) line.push_back(grey.pixels[first + static_cast<std::size_t>(i) * step]);
  std::nth_element(line.begin(), line.begin() + count / 2, line.end());
  const int level = line[static_cast<std::size_t>(count / 2)];
  int width = 0;
  while (width < most && is_uniform(grey, first + static_cast<std::size_t>(width * next), step, count, level))
    ++width;
  return width;
}

/// What is within the uniform border; nothing if that is narrower than 1.5 % of each side, or if there is
/// nothing else.
std::optional<Image> without_border(const Image& grey) {
  const int max_x = grey.width * 3 / 10, max_y = grey.height * 3 / 10;
  const auto row = static_cast<std::ptrdiff_t>(grey.width);
  const std::size_t last_row =
      static_cast<std::size_t>(grey.height - 1) * static_cast<std::size_t>(grey.width);
  const int top = border_width(grey, 0, row, 1, grey.width, max_y);
  const int bottom = border_width(grey, last_row, -row, 1, grey.width, max_y);
  const auto stride = static_cast<std::size_t>(grey.width);
  const int left = border_width(grey, 0, 1, stride, grey.height, max_x);
  const int right = border_width(grey, stride - 1, -1, stride, grey.height, max_x);
  if (std::max({left, right}) * 200 < 3 * grey.width && std::max({top, bottom}) * 200 < 3 * grey.height)
    return std::nullopt;
  Image inner{grey.width - left - right, grey.height - top - bottom, 1, {}};
  if (inner.width < 2 || inner.height < 2) return std::nullopt;
  for (int y = top; y < grey.height - bottom; ++y) {
    const auto begin = grey.pixels.begin() + y * row + left;
    inner.pixels.insert(inner.pixels.end(), begin, begin + inner.width);
  }
  return inner;
}

Thumbnail thumbnail_of(const Image& grey) {
  const Image small = resize(grey, thumbnail_side, thumbnail_side);
  Thumbnail result;
  std::copy(small.pixels.begin(), small.pixels.end(), result.begin());
  return result;
}

PicturePrint print_of_grey(const Image& grey) {
  PicturePrint print;
  const std::array<int, 2> size = {grey.width, grey.height};
  print.pixels =
      content_hash(std::as_bytes(std::span(grey.pixels)), content_hash(std::as_bytes(std::span(size))));
  print.thumbnail = thumbnail_of(grey);
  if (const std::optional<Image> inner = without_border(grey)) {
    print.picture = thumbnail_of(*inner);
    print.framed = true;
  }
  return print;
}

}  // namespace

PicturePrint print_of(const Image& image) {
  return image.channels == 1 ? print_of_grey(image) : print_of_grey(with_channels(image, 1));
}

void write_print(const PicturePrint& print, std::span<std::uint8_t, picture_print_bytes> bytes) {
  const std::uint64_t framed = print.framed ? 1 : 0;
  std::memcpy(bytes.data(), print.thumbnail.data(), thumbnail_pixels);
  std::memcpy(bytes.data() + thumbnail_pixels, print.picture.data(), thumbnail_pixels);
  std::memcpy(bytes.data() + 2 * thumbnail_pixels, &print.pixels, sizeof print.pixels);
  std::memcpy(bytes.data() + 2 * thumbnail_pixels + sizeof print.pixels, &framed, sizeof framed);
}

PicturePrint read_print(std::span<const std::uint8_t, picture_print_bytes> bytes) {
  PicturePrint print;
  std::uint64_t framed = 0;
  std::memcpy(print.thumbnail.data(), bytes.data(), thumbnail_pixels);
  std::memcpy(print.picture.data(), bytes.data() + thumbnail_pixels, thumbnail_pixels);
  std::memcpy(&print.pixels, bytes.data() + 2 * thumbnail_pixels, sizeof print.pixels);
  std::memcpy(&framed, bytes.data() + 2 * thumbnail_pixels + sizeof print.pixels, sizeof framed);
  print.framed = framed != 0;
  return print;
}

}  // namespace xr::data
