#include "tests/reference/elementwise.h"

#include <catch2/catch.hpp>

#include <limits>

#include "tests/reference/dropout.h"
#include "tests/reference/gradient_check.h"
#include "tests/reference/relu.h"

using namespace xr::reference;

TEST_CASE("reference broadcasting gives hand-computed values") {
  const Tensor a({2, 1}, {1, 2}), b({3}, {10, 20, 30});
  CHECK(add(a, b).values == std::vector<double>{11, 21, 31, 12, 22, 32});
  CHECK(multiply(a, b).values == std::vector<double>{10, 20, 30, 20, 40, 60});
  const Tensor x({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(sum_to_shape(x, 2, {2, 1}).values == std::vector<double>{12, 30});
  CHECK(sum_to_shape(x, 1, {3}).values == std::vector<double>{5, 7, 9});
  CHECK(sum_to_shape(x, 1, {}).values == std::vector<double>{21});
  CHECK(broadcast_to(b, 0.5, {2, 3}).values == std::vector<double>{5, 10, 15, 5, 10, 15});
  CHECK_THROWS_AS(broadcast_shape({2, 3}, {2}), xr::Error);
}

TEST_CASE("reference broadcasting gradients match central differences") {
  const std::pair<Shape, Shape> cases[] = {
      {{2, 3, 4}, {2, 3, 4}}, {{2, 3, 4}, {4}}, {{2, 1, 4}, {3, 1}}, {{}, {2, 2}}, {{4, 1, 2}, {1, 3, 2}}};
  for (const auto& [shape_a, shape_b] : cases) {
    const Tensor a = random_normal(shape_a, 1), b = random_normal(shape_b, 2);
    const Tensor dy = random_normal(broadcast_shape(shape_a, shape_b), 3);
    CAPTURE(shape_a.to_string(), shape_b.to_string());
    CHECK(gradient_error([&](const Tensor& v) { return add(v, b); }, a, dy, sum_to_shape(dy, 1, shape_a)) <=
          1e-7);
    CHECK(gradient_error([&](const Tensor& v) { return multiply(v, b); }, a, dy,
                         sum_to_shape(multiply(dy, b), 1, shape_a)) <= 1e-7);
    const Tensor ds = random_normal(shape_a, 4);
    CHECK(gradient_error([&, target = shape_a](const Tensor& v) { return sum_to_shape(v, 0.25, target); }, dy,
                         ds, broadcast_to(ds, 0.25, dy.shape)) <= 1e-7);
  }
}

TEST_CASE("reference relu keeps NaN and matches central differences") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Tensor y = relu_forward(Tensor({4}, {-1, 0, 2, nan}));
  CHECK(y[0] == 0);
  CHECK(y[1] == 0);
  CHECK(y[2] == 2);
  CHECK(std::isnan(y[3]));
  CHECK(relu_backward(y, Tensor({4}, {5, 6, 7, 8})).values == std::vector<double>{0, 0, 7, 0});
  const Tensor x = random_distinct({5, 7}, 1), dy = random_normal({5, 7}, 2);
  CHECK(gradient_error(relu_forward, x, dy, relu_backward(relu_forward(x), dy)) <= 1e-7);
}

TEST_CASE("reference dropout follows the random words and scales what stays") {
  const DropoutParams params{0.25f, false, 11, 22, 33};
  const Tensor ones({40, 50}, 1.0), y = dropout(params, ones);
  std::int64_t zeroed = 0;
  for (std::int64_t i = 0; i < y.size(); ++i) {
    const bool zero = xr::philox_word(11, 22, 33 + static_cast<std::uint64_t>(i)) < 0x40000000u;
    CHECK(y[i] == (zero ? 0.0 : 1 / 0.75));
    zeroed += zero;
  }
  CHECK(std::abs(static_cast<double>(zeroed) / 2000 - 0.25) < 0.04);  // four standard deviations

  DropoutParams channels = params;
  channels.whole_channels = true;
  const Tensor planes = dropout(channels, Tensor({40, 50, 2, 3}, 1.0));
  for (std::int64_t i = 0; i < planes.size(); ++i) CHECK(planes[i] == y[i / 6]);

  const Tensor x = random_normal({4, 5}, 1), dy = random_normal({4, 5}, 2);
  CHECK(gradient_error([&](const Tensor& v) { return dropout(params, v); }, x, dy, dropout(params, dy)) <=
        1e-7);
}

TEST_CASE("reference dropout with the probabilities zero and one") {
  const Tensor x = random_normal({4, 5}, 1);
  CHECK(dropout({0.0f, false, 1, 2, 3}, x).values == x.values);
  CHECK(dropout({1.0f, false, 1, 2, 3}, x).values == std::vector<double>(20, 0.0));
}
