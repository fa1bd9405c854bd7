// Images as people change them, to be found as copies.
#pragma once

#include <algorithm>
#include <cmath>

#include "apps/audit/duplicates.h"
#include "data/image/resize.h"
#include "data/phantom/phantom.h"
#include "kernels/common/random.h"
#include "tests/data/support.h"

namespace xr::audit::test {

inline Fingerprint fingerprint(const data::Image& grey) {
  return data::print_of(grey);
}

inline data::Image phantom(int index) {
  return data::draw_phantom(7, data::PhantomSplit::train,
                            index % 2 == 0 ? data::PhantomClass::covid : data::PhantomClass::normal, index,
                            200);
}

inline data::Image as_jpeg(const data::Image& image, int quality) {
  return data::decode_image(data::encode_jpeg(image, quality), 1);
}

template <class Change>
data::Image each_pixel(data::Image image, Change&& change) {
  for (std::uint8_t& pixel : image.pixels)
    pixel = static_cast<std::uint8_t>(std::clamp(change(pixel), 0.0, 255.0));
  return image;
}

/// Cuts these parts of the sides off.
inline data::Image trimmed(const data::Image& image, double left, double top, double right, double bottom) {
  const int x0 = static_cast<int>(left * image.width),
            x1 = image.width - static_cast<int>(right * image.width);
  const int y0 = static_cast<int>(top * image.height),
            y1 = image.height - static_cast<int>(bottom * image.height);
  data::Image result{x1 - x0, y1 - y0, 1, {}};
  for (int y = y0; y < y1; ++y)
    for (int x = x0; x < x1; ++x)
      result.pixels.push_back(image.pixels[static_cast<std::size_t>(y) * image.width + x]);
  return result;
}

/// A border of one grey level, this part of the sides wide, around the image.
inline data::Image framed(const data::Image& image, double part, int grey) {
  const int x0 = static_cast<int>(part * image.width), y0 = static_cast<int>(part * image.height);
  data::Image result{image.width + 2 * x0, image.height + 2 * y0, 1, {}};
  for (int y = 0; y < result.height; ++y)
    for (int x = 0; x < result.width; ++x) {
      const bool inside = x >= x0 && y >= y0 && x < x0 + image.width && y < y0 + image.height;
      result.pixels.push_back(inside ? image.pixels[static_cast<std::size_t>(y - y0) * image.width + (x - x0)]
                                     : static_cast<std::uint8_t>(grey));
    }
  return result;
}

inline data::Image inverted(const data::Image& image) {
  return each_pixel(image, [](double grey) { return 255 - grey; });
}

inline data::Image mirrored(const data::Image& image) {
  data::Image result = image;
  for (int y = 0; y < image.height; ++y) {
    const auto row = result.pixels.begin() + static_cast<std::ptrdiff_t>(y) * image.width;
    std::reverse(row, row + image.width);
  }
  return result;
}

inline data::Image turned_clockwise(const data::Image& image) {
  data::Image result{image.height, image.width, 1, {}};
  for (int y = 0; y < result.height; ++y)
    for (int x = 0; x < result.width; ++x)
      result.pixels.push_back(image.pixels[static_cast<std::size_t>(image.height - 1 - x) * image.width + y]);
  return result;
}

/// As Pillow's ImageOps.equalize and OpenCV's equalizeHist: grey levels by their rank, over the whole range.
inline data::Image histogram_equalised(const data::Image& image) {
  std::array<double, 257> below{};
  for (const std::uint8_t pixel : image.pixels) below[pixel + std::size_t{1}] += 1;
  for (std::size_t i = 1; i < below.size(); ++i) below[i] += below[i - 1];
  return each_pixel(image, [&](double grey) {
    return std::floor(255.0 * below[static_cast<std::size_t>(grey) + 1] /
                      static_cast<double>(image.pixels.size()));
  });
}

}  // namespace xr::audit::test
