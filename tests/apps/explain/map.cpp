#include "apps/xrtrain/explain/map.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "apps/xrtrain/explain/overlay.h"
#include "kernels/common/error.h"

using namespace xr::apps::explain;

// The values of torch.nn.functional.interpolate(mode="bilinear", align_corners=False), worked out by hand.
TEST_CASE("maps are enlarged bilinearly between the centres of their cells", "[explain]") {
  const Map map{1, 2, {0.0f, 4.0f}};
  CHECK(upsample(map, 1, 4).values == std::vector<float>{0.0f, 1.0f, 3.0f, 4.0f});
  const Map square{2, 2, {0.0f, 4.0f, 8.0f, 12.0f}};
  CHECK(upsample(square, 2, 2).values == square.values);
  CHECK(upsample(square, 4, 4).at(1, 2) == 3.0f + 2.0f);
  CHECK_THROWS_AS(upsample({}, 2, 2), xr::Error);
}

TEST_CASE("a normalised map ends at 1 and begins at 0", "[explain]") {
  CHECK(normalized({1, 3, {-1.0f, 1.0f, 4.0f}}).values == std::vector<float>{0.0f, 0.25f, 1.0f});
  CHECK(normalized({1, 2, {-1.0f, 0.0f}}).values == std::vector<float>{0.0f, 0.0f});
}

TEST_CASE("the central share counts the mass inside the border", "[explain]") {
  Map map{16, 16, std::vector<float>(256, 1.0f)};
  REQUIRE(central_share(map).has_value());
  CHECK(*central_share(map) == central_area);  // 12 x 12 of 16 x 16
  for (float& value : map.values) value = 0.0f;
  CHECK_FALSE(central_share(map).has_value());
  map.values[0] = 3.0f;           // in the corner
  map.values[8 * 16 + 8] = 1.0f;  // in the middle
  map.values[9] = -5.0f;          // no mass
  CHECK(*central_share(map) == 0.25);
  map.values[1] = NAN;
  CHECK(central_share(map).value_or(0.25) == 0.25);
}

TEST_CASE("correlation of maps", "[explain]") {
  const Map a{1, 3, {0, 1, 2}}, b{1, 3, {5, 3, 1}}, flat{1, 3, {1, 1, 1}};
  CHECK(*correlation(a, a) == Approx(1.0));
  CHECK(*correlation(a, b) == Approx(-1.0));
  CHECK_FALSE(correlation(a, flat).has_value());
  CHECK_THROWS_AS(correlation(a, {3, 1, {0, 1, 2}}), xr::Error);
}

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
