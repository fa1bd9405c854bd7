#include <catch2/catch.hpp>

#include <limits>

#include "tests/reference/avg_pool2d.h"
#include "tests/reference/global_avg_pool2d.h"
#include "tests/reference/gradient_check.h"
#include "tests/reference/max_pool2d.h"

using namespace xr::reference;

namespace {

const Tensor counting({1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
// kernel, stride, padding (height, width each)
const Pool2dParams rectangular{2, 3, 2, 1, 1, 1, true};

const Pool2dParams windows[] = {{2, 2, 2, 2, 0, 0, true},
                                {3, 3, 1, 1, 1, 1, true},
                                {3, 3, 2, 2, 1, 1, false},
                                {2, 3, 3, 1, 1, 0, true},
                                {3, 2, 1, 2, 0, 1, false}};

}  // namespace

// The values of rectangular windows are those of PyTorch 2.15 (max_pool2d, avg_pool2d).
TEST_CASE("reference pooling gives known values") {
  CHECK(max_pool2d_forward({}, counting).y.values == std::vector<double>{5});
  CHECK(max_pool2d_forward(rectangular, counting).y.values == std::vector<double>{2, 3, 3, 8, 9, 9});
  CHECK(avg_pool2d_forward({}, counting).values == std::vector<double>{3});
  CHECK(avg_pool2d_forward(rectangular, counting).values ==
        std::vector<double>{3 / 6., 6 / 6., 5 / 6., 24 / 6., 39 / 6., 28 / 6.});
  Pool2dParams inside = rectangular;
  inside.count_include_pad = false;
  CHECK(avg_pool2d_forward(inside, counting).values == std::vector<double>{1.5, 2, 2.5, 6, 6.5, 7});
  const Pool2dParams padded_sides{2, 3, 2, 1, 0, 1, true};
  CHECK(max_pool2d_forward(padded_sides, counting).y.values == std::vector<double>{5, 6, 6});
  CHECK(avg_pool2d_forward(padded_sides, counting).values == std::vector<double>{2, 3.5, 16 / 6.});
  const Tensor two_planes({1, 2, 1, 2}, {1, 2, 3, 5});
  CHECK(global_avg_pool2d_forward(two_planes).values == std::vector<double>{1.5, 4});
}

TEST_CASE("reference max pooling takes the first of equals and NaN before numbers") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  const Tensor ties({1, 1, 2, 2}, {1, 7, 7, 7});
  CHECK(max_pool2d_forward({}, ties).argmax == std::vector<std::int64_t>{1});
  const Tensor with_nan({1, 1, 2, 2}, {9, 1, nan, 10});
  CHECK(max_pool2d_forward({}, with_nan).argmax == std::vector<std::int64_t>{2});
  const Tensor lowest({1, 1, 1, 2}, {-infinity, -infinity});
  const MaxPool2d padded = max_pool2d_forward({3, 3, 1, 1, 1, 1, true}, lowest);
  CHECK(padded.y.values == lowest.values);
  CHECK(padded.argmax == std::vector<std::int64_t>{0, 0});
}

TEST_CASE("reference pooling gradients match central differences") {
  const Tensor x = random_distinct({2, 2, 7, 6}, 1);
  for (const Pool2dParams& params : windows) {
    const Tensor dy = random_normal(pool2d_shape(params, x.shape), 2);
    const MaxPool2d pooled = max_pool2d_forward(params, x);
    CHECK(gradient_error([&](const Tensor& v) { return max_pool2d_forward(params, v).y; }, x, dy,
                         max_pool2d_backward(dy, pooled.argmax, x.shape)) <= 1e-7);
    CHECK(gradient_error([&](const Tensor& v) { return avg_pool2d_forward(params, v); }, x, dy,
                         avg_pool2d_backward(params, dy, x.shape)) <= 1e-7);
  }
  const Tensor dy = random_normal({2, 2}, 3);
  CHECK(gradient_error(global_avg_pool2d_forward, x, dy, global_avg_pool2d_backward(dy, x.shape)) <= 1e-7);
}
