#include "data/image/resize.h"

#include "kernels/common/error.h"
#include "kernels/common/resample.h"

#include <algorithm>
#include <cmath>

namespace xr::data {

namespace {

/// The window [x, x + width) x [y, y + height) of the image scaled to full_width x full_height.
Image resize_window(const Image& image, int full_width, int full_height, int x, int y, int width,
                    int height) {
  XR_CHECK(image.pixels.size() == static_cast<std::size_t>(image.width) * image.height * image.channels,
           "the image holds {} bytes, not {} x {} x {}", image.pixels.size(), image.width, image.height,
           image.channels);
  XR_CHECK(width > 0 && height > 0, "cannot resize an image to {} x {} pixels", width, height);
  Image result{width, height, image.channels, {}};
  result.pixels.resize(static_cast<std::size_t>(width) * height * image.channels);
  kernels::Taps x_taps, y_taps;
  x_taps.compute(0, image.width, full_width, x, width);
  y_taps.compute(0, image.height, full_height, y, height);
  std::vector<float> row;
  std::uint8_t* out = result.pixels.data();
  kernels::resample(image.pixels.data(), image.width, image.channels, x_taps, y_taps, row,
                    [&](int, int, int, float value) {
                      *out++ = static_cast<std::uint8_t>(std::min(value + 0.5f, 255.0f));
                    });
  return result;
}

}  // namespace

Image resize(const Image& image, int width, int height) {
  return resize_window(image, width, height, 0, 0, width, height);
}

Image resize_and_crop(const Image& image, int short_side, int crop) {
  XR_CHECK(crop >= 1 && crop <= short_side, "a crop of {} pixels does not fit a short side of {}", crop,
           short_side);
  const bool portrait = image.height > image.width;
  const int shorter = std::max(1, std::min(image.width, image.height));
  const int longer = std::max(image.width, image.height);
  const int long_side = static_cast<int>(static_cast<std::int64_t>(short_side) * longer / shorter);
  const int width = portrait ? short_side : long_side, height = portrait ? long_side : short_side;
  // Python's round(): halves go to the even integer, as nearbyint in the default rounding mode.
  const int x = static_cast<int>(std::nearbyint((width - crop) / 2.0));
  const int y = static_cast<int>(std::nearbyint((height - crop) / 2.0));
  return resize_window(image, width, height, x, y, crop, crop);
}

}  // namespace xr::data
