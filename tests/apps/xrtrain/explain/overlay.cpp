#include "apps/xrtrain/explain/overlay.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "kernels/common/error.h"

using namespace xr::apps::explain;

TEST_CASE("colours grow brighter from one end of the scale to the other", "[explain]") {
  const auto brightness = [](float value) {
    const auto color = map_color(value);
    return 0.2126 * color[0] + 0.7152 * color[1] + 0.0722 * color[2];
  };
  for (float at = 0.0f; at < 0.995f; at += 0.01f) CHECK(brightness(at + 0.01f) >= brightness(at));
  CHECK(map_color(NAN) == map_color(0.0f));
  CHECK(map_color(7.0f) == map_color(1.0f));
}

TEST_CASE("an overlay leaves the image where the map is 0", "[explain]") {
  const std::vector<float> input{-1.0f, 0.0f, 1.0f, 9.0f};
  const auto image = input_image(input, 1, 2, {0.5f, 0, 0}, {0.5f, 1, 1});
  CHECK(image.pixels == std::vector<std::uint8_t>{0, 0, 0, 128, 128, 128, 255, 255, 255, 255, 255, 255});
  const auto laid = overlay(image, {2, 2, {0.0f, 0.0f, 1.0f, 0.0f}});
  CHECK(std::equal(laid.pixels.begin(), laid.pixels.begin() + 6, image.pixels.begin()));
  CHECK(laid.pixels[6] != image.pixels[6] - 0);
  CHECK(std::equal(laid.pixels.begin() + 9, laid.pixels.end(), image.pixels.begin() + 9));
  CHECK_THROWS_AS(overlay(image, {1, 1, {0.0f}}), xr::Error);
  const auto large = enlarged(image, 5);
  CHECK(large.width == 6);
  const auto both = panel({large, large});
  CHECK(both.height == 6);
  CHECK(both.width > 12);
  CHECK(both.pixels.size() == static_cast<std::size_t>(both.width) * both.height * 3);
  CHECK_THROWS_AS(panel({image, large}), xr::Error);
}
