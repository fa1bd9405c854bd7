#include "tests/reference/conv2d.h"

#include <catch2/catch.hpp>

#include "tests/reference/gradient_check.h"

using namespace xr::reference;

TEST_CASE("reference conv2d gives hand-computed values") {
  const Tensor x({1, 1, 3, 3}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  const Tensor filter({1, 1, 2, 2}, {1, 10, 100, 1000});
  const Tensor bias({1}, 0.5);
  CHECK(conv2d_forward({}, x, filter, &bias).values == std::vector<double>{5421.5, 6532.5, 8754.5, 9865.5});

  Conv2dParams padded;
  padded.padding_h = 1;
  padded.padding_w = 2;
  padded.stride_h = 2;
  padded.stride_w = 3;
  const Tensor y = conv2d_forward(padded, x, filter, nullptr);
  CHECK(y.shape == Shape{1, 1, 2, 2});
  CHECK(y.values == std::vector<double>{0, 3200, 0, 9865});

  Conv2dParams dilated;
  dilated.dilation_h = 2;
  CHECK(conv2d_forward(dilated, x, filter, nullptr).values == std::vector<double>{8721, 9832});
}

TEST_CASE("reference conv2d sums over the channels of a group") {
  const Tensor x({1, 4, 1, 1}, {1, 2, 3, 4});
  const Tensor filter({2, 2, 1, 1}, {1, 10, 100, 1000});
  Conv2dParams grouped;
  grouped.groups = 2;
  CHECK(conv2d_forward(grouped, x, filter, nullptr).values == std::vector<double>{21, 4300});
  const Tensor dense({1, 4, 1, 1}, {1, 10, 100, 1000});
  CHECK(conv2d_forward({}, x, dense, nullptr).values == std::vector<double>{4321});
}

TEST_CASE("reference conv2d gradients match central differences") {
  struct Case {
    Shape x, filter;
    Conv2dParams params;
  };
  // params: stride, padding, dilation (height, width each), groups
  const Case cases[] = {{{2, 3, 5, 4}, {4, 3, 3, 3}, {}},
                        {{1, 1, 4, 4}, {2, 1, 3, 3}, {1, 1, 2, 2, 1, 1, 1}},
                        {{2, 2, 7, 6}, {3, 2, 2, 3}, {2, 3, 1, 2, 2, 1, 1}},
                        {{1, 4, 5, 5}, {6, 2, 3, 1}, {2, 1, 1, 0, 1, 1, 2}},
                        {{2, 3, 4, 4}, {3, 1, 3, 3}, {1, 1, 1, 1, 1, 1, 3}},
                        {{1, 2, 1, 1}, {2, 2, 1, 1}, {}}};
  for (const Case& c : cases) {
    const Tensor x = random_normal(c.x, 1), filter = random_normal(c.filter, 2);
    const Tensor bias = random_normal({c.filter[0]}, 3);
    const Tensor dy = random_normal(conv2d_shape(c.params, c.x, c.filter), 4);
    CAPTURE(c.x.to_string(), c.filter.to_string());
    CHECK(gradient_error([&](const Tensor& v) { return conv2d_forward(c.params, v, filter, &bias); }, x, dy,
                         conv2d_backward_data(c.params, dy, filter, c.x)) <= 1e-7);
    CHECK(gradient_error([&](const Tensor& v) { return conv2d_forward(c.params, x, v, &bias); }, filter, dy,
                         conv2d_backward_filter(c.params, x, dy, c.filter)) <= 1e-7);
    CHECK(gradient_error([&](const Tensor& v) { return conv2d_forward(c.params, x, filter, &v); }, bias, dy,
                         conv2d_backward_bias(dy)) <= 1e-7);
  }
}
