#include "apps/xrtrain/explain/overlay.h"

#include <algorithm>
#include <cmath>

#include "kernels/common/error.h"

namespace xr::apps::explain {

namespace {

using data::Image;
using Color = std::array<std::uint8_t, 3>;

constexpr Color ground{255, 255, 255}, ink{20, 20, 20};

void put(Image& image, int y, int x, const Color& color) {
  std::ranges::copy(color, image.pixels.begin() + (static_cast<std::ptrdiff_t>(y) * image.width + x) * 3);
}

/// The digits of the scale, 5 x 7, a row of bits each.
constexpr std::array<std::uint8_t, 7> zero{0b01110, 0b10001, 0b10001, 0b10001, 0b10001, 0b10001, 0b01110};
constexpr std::array<std::uint8_t, 7> one{0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110};

void put_digit(Image& image, int top, int left, const std::array<std::uint8_t, 7>& digit) {
  for (int y = 0; y < 7; ++y)
    for (int x = 0; x < 5; ++x)
      if ((digit[static_cast<std::size_t>(y)] >> (4 - x)) & 1) put(image, top + y, left + x, ink);
}

}  // namespace

Color map_color(float value) {
  static constexpr std::array<Color, 9> corners{{{0, 0, 4},
                                                 {31, 12, 72},
                                                 {85, 15, 109},
                                                 {136, 34, 106},
                                                 {186, 54, 85},
                                                 {227, 89, 51},
                                                 {249, 140, 10},
                                                 {249, 201, 50},
                                                 {252, 255, 164}}};
  const float position = 8.0f * (value > 0.0f ? std::min(value, 1.0f) : 0.0f);
  const auto first = std::min<std::size_t>(7, static_cast<std::size_t>(position));
  Color color{};
  for (std::size_t c = 0; c < 3; ++c)
    color[c] = static_cast<std::uint8_t>(std::lround(std::lerp(static_cast<float>(corners[first][c]),
                                                               static_cast<float>(corners[first + 1][c]),
                                                               position - static_cast<float>(first))));
  return color;
}

Image input_image(std::span<const float> input, int channels, int size, const std::array<float, 3>& mean,
                  const std::array<float, 3>& deviation) {
  const std::size_t area = static_cast<std::size_t>(size) * size;
  XR_CHECK(input.size() == area * static_cast<std::size_t>(channels),
           "{} values are no image of {} x {} x {}", input.size(), channels, size, size);
  Image image{size, size, 3, std::vector<std::uint8_t>(3 * area)};
  for (std::size_t i = 0; i < area; ++i) {
    for (std::size_t c = 0; c < 3; ++c) {
      const std::size_t source = channels == 3 ? c : 0;
      const float value = input[source * area + i] * deviation[source] + mean[source];
      image.pixels[3 * i + c] =
          static_cast<std::uint8_t>(std::lround(255.0f * std::clamp(value, 0.0f, 1.0f)));
    }
  }
  return image;
}

Image overlay(const Image& image, const Map& map) {
  XR_CHECK(image.channels == 3 && image.width == map.width && image.height == map.height,
           "a map of {} x {} does not fit an image of {} x {}", map.height, map.width, image.height,
           image.width);
  Image result = image;
  for (std::size_t i = 0; i < map.values.size(); ++i) {
    const float value = std::clamp(map.values[i], 0.0f, 1.0f), opacity = 0.65f * std::sqrt(value);
    const Color color = map_color(value);
    for (std::size_t c = 0; c < 3; ++c)
      result.pixels[3 * i + c] = static_cast<std::uint8_t>(std::lround(
          std::lerp(static_cast<float>(image.pixels[3 * i + c]), static_cast<float>(color[c]), opacity)));
  }
  return result;
}

Image panel(const std::vector<Image>& images) {
  XR_CHECK(!images.empty(), "a panel needs an image");
  const int width = images.front().width, height = images.front().height,
            count = static_cast<int>(images.size());
  constexpr int gap = 6, bar = 10, digits = 9;
  Image result{count * (width + gap) + bar + digits, height, 3, {}};
  result.pixels.assign(static_cast<std::size_t>(result.width) * height * 3, ground[0]);
  for (int i = 0; i < count; ++i) {
    const Image& image = images[static_cast<std::size_t>(i)];
    XR_CHECK(image.width == width && image.height == height && image.channels == 3,
             "images of a panel must be of one size: {} x {} beside {} x {}", image.height, image.width,
             height, width);
    for (int y = 0; y < height; ++y)
      std::copy_n(
          image.pixels.begin() + static_cast<std::ptrdiff_t>(y) * width * 3, width * 3,
          result.pixels.begin() + (static_cast<std::ptrdiff_t>(y) * result.width + i * (width + gap)) * 3);
  }
  const int left = count * (width + gap);
  for (int y = 0; y < height; ++y) {
    const Color color =
        map_color(height > 1 ? 1.0f - static_cast<float>(y) / static_cast<float>(height - 1) : 1.0f);
    for (int x = 0; x < bar; ++x) put(result, y, left + x, color);
  }
  if (height >= 16) {
    put_digit(result, 1, left + bar + 3, one);
    put_digit(result, height - 8, left + bar + 3, zero);
  }
  return result;
}

Image enlarged(const Image& image, int least) {
  const int side = std::max(1, std::min(image.width, image.height)),
            factor = std::max(1, (least + side - 1) / side);
  Image result{image.width * factor, image.height * factor, image.channels, {}};
  result.pixels.reserve(image.pixels.size() * factor * factor);
  for (int y = 0; y < result.height; ++y)
    for (int x = 0; x < result.width; ++x)
      for (int c = 0; c < image.channels; ++c)
        result.pixels.push_back(
            image.pixels[static_cast<std::size_t>((y / factor) * image.width + x / factor) * image.channels +
                         c]);
  return result;
}

}  // namespace xr::apps::explain
