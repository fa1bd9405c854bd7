#include "tests/reference/elementwise.h"

#include <catch2/catch.hpp>

#include "tests/kernels/cases.h"
#include "tests/kernels/harness.h"

using namespace xr;
using namespace xr::tests;

namespace {

std::vector<Shape> all_shapes() {
  std::vector<Shape> shapes = activation_shapes();
  for (const std::int64_t length : flat_lengths()) shapes.push_back({length});
  shapes.emplace_back();
  shapes.push_back({2, 3, 4, 5, 6});
  shapes.push_back({large_activation.numel() + 1});
  return shapes;
}

void check_sum_and_product(Backend& backend, const Tensor& a, const Tensor& b, Layout layout) {
  const std::string what =
      fmt::format("of {} and {} {}", a.shape.to_string(), b.shape.to_string(), name_of(layout));
  check_operation(
      {backend, "add " + what, {{"a", a, layout}, {"b", b, layout}}, {{"y", {reference::add(a, b)}, layout}}},
      [&](Inputs in, Outputs out) { backend.add(in[0], in[1], out[0]); });
  check_operation({backend,
                   "multiply " + what,
                   {{"a", a, layout}, {"b", b, layout}},
                   {{"y", {reference::multiply(a, b)}, layout}}},
                  [&](Inputs in, Outputs out) { backend.multiply(in[0], in[1], out[0]); });
}

}  // namespace

TEST_CASE("reorder between every two layouts") {
  for (Backend* backend : test_backends())
    for (const Shape& shape : all_shapes())
      for (const Layout from : layouts_of(shape))
        for (const Layout to : layouts_of(shape)) {
          const Tensor x = random_normal(shape, 1);
          check_operation({*backend,
                           fmt::format("reorder of {} to {}", describe(shape, from), name_of(to)),
                           {{"x", x, from}},
                           {{"y", {x}, to}}},
                          [&](Inputs in, Outputs out) { backend->reorder(in[0], out[0]); });
        }
}

TEST_CASE("reorder of every element type") {
  for (Backend* backend : test_backends())
    for (const DType dtype : {DType::bf16, DType::i64, DType::i32, DType::u8})
      for (const Layout from : layouts_of({2, 16, 5, 7}))
        for (const Layout to : layouts_of({2, 16, 5, 7})) {
          Tensor x(Shape{2, 16, 5, 7});
          for (std::int64_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i * 37 % 251);
          check_operation(
              {*backend,
               fmt::format("reorder of {} {} to {}", name_of(dtype), describe(x.shape, from), name_of(to)),
               {{"x", x, from, dtype}},
               {{"y", {x, dtype}, to}}},
              [&](Inputs in, Outputs out) { backend->reorder(in[0], out[0]); });
        }
}

TEST_CASE("fill") {
  for (Backend* backend : test_backends())
    for (const Shape& shape : all_shapes())
      for (const float value : {0.0f, -1.5f})
        check_operation({*backend,
                         fmt::format("fill of {} with {}", shape.to_string(), value),
                         {},
                         {{"y", {Tensor(shape, static_cast<double>(value))}}}},
                        [&](Inputs, Outputs out) { backend->fill(out[0], value); });
}

TEST_CASE("scale") {
  for (Backend* backend : test_backends())
    for (const Shape& shape : all_shapes())
      for (const Layout layout : layouts_of(shape))
        for (const float factor : {-0.3f, 1.0f, 0.0f}) {
          if (shape.numel() > large_activation.numel() && factor >= 0) continue;
          const Tensor x = random_normal(shape, 1);
          Tensor y = x;
          for (double& value : y.values) value *= static_cast<double>(factor);
          const Expected expected{y, DType::f32, Arithmetic::elementwise};
          check_gradient({*backend,
                          fmt::format("scale by {} of {}", factor, describe(shape, layout)),
                          {{"x", x, layout}},
                          {{"y", expected, layout}}},
                         [&](Inputs in, Outputs out, GradientWrite write) {
                           backend->scale(factor, in[0], out[0], write);
                         });
        }
}

TEST_CASE("add and multiply of equal shapes") {
  for (Backend* backend : test_backends())
    for (const Shape& shape : all_shapes())
      for (const Layout layout : layouts_of(shape))
        check_sum_and_product(*backend, random_normal(shape, 1), random_normal(shape, 2), layout);
}

TEST_CASE("add and multiply with broadcasting") {
  for (Backend* backend : test_backends())
    for (const BroadcastCase& c : broadcast_cases()) {
      const Tensor a = random_normal(c.a, 1), b = random_normal(c.b, 2);
      check_sum_and_product(*backend, a, b, Layout::contiguous);
      check_sum_and_product(*backend, b, a, Layout::contiguous);
    }
}

TEST_CASE("sum_to_shape and broadcast_to") {
  for (Backend* backend : test_backends())
    for (const BroadcastCase& c : sum_cases())
      for (const float factor : {1.0f, 1.0f / 3}) {
        const double terms = static_cast<double>(c.a.numel()) / static_cast<double>(c.b.numel());
        const double factor_d = static_cast<double>(factor);
        // A mean that is not 0 makes rounding errors grow faster than the square root of the length.
        const Tensor x = random_normal(c.a, 1, 0.5), dy = random_normal(c.b, 2);
        const std::string what = fmt::format("{} and {} times {}", c.a.to_string(), c.b.to_string(), factor);
        check_gradient({*backend,
                        "sum_to_shape of " + what,
                        {{"x", x}},
                        {{"y",
                          {reference::sum_to_shape(x, factor_d, c.b), DType::f32, Arithmetic::reduction,
                           terms, factor_d * std::sqrt(terms)}}}},
                       [&](Inputs in, Outputs out, GradientWrite write) {
                         backend->sum_to_shape(in[0], factor, out[0], write);
                       });
        check_gradient(
            {*backend,
             "broadcast_to of " + what,
             {{"dy", dy}},
             {{"dx", {reference::broadcast_to(dy, factor_d, c.a), DType::f32, Arithmetic::elementwise}}}},
            [&](Inputs in, Outputs out, GradientWrite write) {
              backend->broadcast_to(in[0], factor, out[0], write);
            });
      }
}
