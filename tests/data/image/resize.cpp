#include "data/image/resize.h"

#include "tests/data/support.h"

#include <algorithm>
#include <cmath>

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;

namespace {

/// The formula of resample.h in float64, both axes at once, for one output of the full scaled image.
double resized_value(const Image& image, int width, int height, int x, int y, int channel) {
  const auto weight = [](int source, int output, double scale) {
    const double centre = (output + 0.5) * scale;
    return std::max(0.0, 1.0 - std::abs(source + 0.5 - centre) / std::max(scale, 1.0));
  };
  const double scale_x = static_cast<double>(image.width) / width;
  const double scale_y = static_cast<double>(image.height) / height;
  double sum = 0, weights = 0;
  for (int sy = 0; sy < image.height; ++sy)
    for (int sx = 0; sx < image.width; ++sx) {
      const double w = weight(sx, x, scale_x) * weight(sy, y, scale_y);
      sum += w * image.pixels[(static_cast<std::size_t>(sy) * image.width + sx) * image.channels + channel];
      weights += w;
    }
  return sum / weights;
}

/// Greatest distance from the formula rounded to the nearest level, in levels.
double greatest_error(const Image& source, const Image& result, int width, int height, int x0, int y0) {
  double greatest = 0;
  for (int y = 0; y < result.height; ++y)
    for (int x = 0; x < result.width; ++x)
      for (int c = 0; c < result.channels; ++c) {
        const double expected = resized_value(source, width, height, x + x0, y + y0, c);
        const double got =
            result.pixels[(static_cast<std::size_t>(y) * result.width + x) * result.channels + c];
        greatest = std::max(greatest, std::abs(got - expected));
      }
  return greatest;
}

constexpr double tolerance = 0.5 + 1e-3;  // rounding to a level, float sums

}  // namespace

TEST_CASE("resizing follows the antialiased triangle filter") {
  const int sizes[][4] = {{40, 30, 17, 13}, {17, 13, 40, 30}, {33, 20, 33, 9},
                          {5, 50, 8, 8},    {1, 1, 7, 5},     {64, 64, 1, 1}};
  for (const auto& [width, height, new_width, new_height] : sizes)
    for (const int channels : {1, 3}) {
      INFO(width << " x " << height << " to " << new_width << " x " << new_height << " x " << channels);
      const Image source = random_image(width, height, channels);
      const Image result = resize(source, new_width, new_height);
      CHECK(result.width == new_width);
      CHECK(result.height == new_height);
      CHECK(greatest_error(source, result, new_width, new_height, 0, 0) <= tolerance);
    }
}

TEST_CASE("a resize to the same size changes nothing") {
  const Image source = random_image(31, 17, 3);
  CHECK(resize(source, 31, 17).pixels == source.pixels);
}

TEST_CASE("short side and centre crop have torchvision's sizes and offsets") {
  // Resize(20) of 50 x 30 gives 33 x 20; CenterCrop(16) starts at round(8.5) = 8 (to even) and 2.
  const Image wide = random_image(50, 30, 1);
  const Image crop = resize_and_crop(wide, 20, 16);
  CHECK(crop.width == 16);
  CHECK(crop.height == 16);
  CHECK(greatest_error(wide, crop, 33, 20, 8, 2) <= tolerance);
  const Image tall = random_image(30, 50, 3);
  CHECK(greatest_error(tall, resize_and_crop(tall, 20, 20), 20, 33, 0, 6) <= tolerance);
}

TEST_CASE("an extreme aspect ratio needs no large memory") {
  Image strip{60000, 1, 1, std::vector<std::uint8_t>(60000, 77)};
  const Image crop =
      resize_and_crop(strip, 224, 224);  // the full scaled image would have 3 000 million pixels
  CHECK(std::all_of(crop.pixels.begin(), crop.pixels.end(), [](std::uint8_t pixel) { return pixel == 77; }));
}

TEST_CASE("sizes that cannot be are refused") {
  const Image image = random_image(8, 8, 1);
  CHECK_THROWS_AS(resize(image, 0, 5), Error);
  CHECK_THROWS_AS(resize(image, 5, -1), Error);
  CHECK_THROWS_AS(resize_and_crop(image, 8, 9), Error);
  CHECK_THROWS_AS(resize(Image{}, 4, 4), Error);
}
