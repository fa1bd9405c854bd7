#include "tests/reference/matmul.h"

#include <catch2/catch.hpp>

#include "tests/reference/gradient_check.h"

using namespace xr::reference;

TEST_CASE("reference matmul gives hand-computed values") {
  const Tensor a({2, 3}, {1, 2, 3, 4, 5, 6}), b({3, 1}, {1, 10, 100}), bias({2}, {0.5, -0.5});
  CHECK(matmul(a, b).values == std::vector<double>{321, 654});
  CHECK(matmul(transpose(a), true, b, false).values == std::vector<double>{321, 654});
  CHECK(matmul(a, false, transpose(b), true).values == std::vector<double>{321, 654});
  CHECK(linear_forward(transpose(b), a, &bias).values == std::vector<double>{321.5, 653.5});
}

TEST_CASE("reference linear gradients match central differences") {
  const Tensor x = random_normal({3, 5}, 1), weight = random_normal({4, 5}, 2), bias = random_normal({4}, 3);
  const Tensor dy = random_normal({3, 4}, 4);
  const LinearGradients gradients = linear_backward(x, weight, dy);
  CHECK(gradient_error([&](const Tensor& v) { return linear_forward(v, weight, &bias); }, x, dy,
                       gradients.dx) <= 1e-7);
  CHECK(gradient_error([&](const Tensor& v) { return linear_forward(x, v, &bias); }, weight, dy,
                       gradients.d_weight) <= 1e-7);
  CHECK(gradient_error([&](const Tensor& v) { return linear_forward(x, weight, &v); }, bias, dy,
                       gradients.d_bias) <= 1e-7);
}
