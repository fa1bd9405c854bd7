#include <catch2/catch.hpp>

#include "tests/kernels/cases.h"
#include "tests/kernels/harness.h"

using namespace xr;
using namespace xr::tests;

namespace {

std::vector<Shape> all_shapes() {
  std::vector<Shape> shapes = activation_shapes();
  for (const std::int64_t length : flat_lengths()) shapes.push_back({length});
  return shapes;
}

}  // namespace

TEST_CASE("cast between f32 and bf16") {
  for (const auto& [from, to] : {std::pair{DType::f32, DType::bf16}, {DType::bf16, DType::f32}})
    for (const Shape& shape : all_shapes()) {
      // Halfway between two bf16 numbers at every third element: ties go to the even one.
      Tensor x = to_type(random_normal(shape, 1), from);
      if (from == DType::f32)
        for (std::int64_t i = 0; i < x.size(); i += 3)
          x[i] = 1.0 + static_cast<double>(2 * (i % 64) + 1) / 256.0;
      for (Backend* backend : test_backends()) {
        if (!is_fast_enough(*backend, shape.numel())) continue;
        for (const Layout layout : layouts_of(*backend, shape)) {
          const Operation operation{*backend,
                                    "cast to " + describe(shape, layout, to),
                                    {{"x", x, layout, from}},
                                    {{"y", {x, to}, layout}}};
          const std::vector<Tensor> y =
              check_gradient(operation, [&](Inputs in, Outputs out, GradientWrite write) {
                backend->run(kernels::Cast{.x = in[0], .y = out[0], .write = write});
              });
          CHECK(y.front().values == to_type(x, to).values);  // exactly: nothing but one rounding
        }
      }
    }
}

TEST_CASE("cast keeps NaN and the infinities and refuses other types") {
  const float values[] = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity(), std::numeric_limits<float>::max(), -0.0f};
  const double infinity = std::numeric_limits<double>::infinity();
  Tensor x(Shape{5}), y(Shape{5});
  for (std::int64_t i = 0; i < 5; ++i) x[i] = static_cast<double>(values[i]);
  y.values = {x[0], infinity, -infinity, infinity, 0.0};  // the largest float is nearer to 2^128
  for (Backend* backend : test_backends()) {
    const Operation operation{*backend,
                              "cast of special values",
                              {{"x", x, Layout::contiguous, DType::f32}},
                              {{"y", {y, DType::bf16}, Layout::contiguous}}};
    check_operation(operation,
                    [&](Inputs in, Outputs out) { backend->run(kernels::Cast{.x = in[0], .y = out[0]}); });
    const ConstView integers(values, {5}, DType::i32);
    CHECK_THROWS_AS(backend->run(kernels::Cast{.x = integers, .y = View{}}), Error);
  }
}
