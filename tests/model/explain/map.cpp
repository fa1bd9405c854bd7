#include "model/explain/map.h"

#include <catch2/catch.hpp>
#include <cmath>

#include "kernels/common/error.h"

using namespace xr::model::explain;

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
