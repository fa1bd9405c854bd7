#include "tests/reference/elementwise.h"

#include <catch2/catch.hpp>

#include "tests/kernels/cases.h"
#include "tests/kernels/harness.h"

using namespace xr;
using namespace xr::tests;

namespace {

/// The large one goes to backends that are fast enough.
std::vector<Shape> all_shapes(const Backend& backend) {
  std::vector<Shape> shapes = activation_shapes();
  for (const std::int64_t length : flat_lengths()) shapes.push_back({length});
  shapes.emplace_back();
  shapes.push_back({2, 3, 4, 5, 6});
  const Shape large{large_activation.numel() + 1};
  if (is_fast_enough(backend, large.numel())) shapes.push_back(large);
  return shapes;
}

void check_sum_and_product(Backend& backend, const Tensor& a, const Tensor& b, Layout layout, DType dtype) {
  const std::string what = fmt::format("of {} and {} {} {}", a.shape.to_string(), b.shape.to_string(),
                                       name_of(layout), name_of(dtype));
  const std::vector<Input> inputs{{"a", a, layout, dtype}, {"b", b, layout, dtype}};
  check_operation(
      {backend, "add " + what, inputs, {{"y", {reference::add(a, b), dtype}, layout}}},
      [&](Inputs in, Outputs out) { backend.run(kernels::Add{.a = in[0], .b = in[1], .y = out[0]}); });
  check_operation(
      {backend, "multiply " + what, inputs, {{"y", {reference::multiply(a, b), dtype}, layout}}},
      [&](Inputs in, Outputs out) { backend.run(kernels::Multiply{.a = in[0], .b = in[1], .y = out[0]}); });
}

}  // namespace

TEST_CASE("fill") {
  for (const DType dtype : test_types())
    for (Backend* backend : test_backends(dtype))
      for (const Shape& shape : all_shapes(*backend))
        for (const float value : {0.0f, -1.5f})
          check_operation(
              {*backend,
               fmt::format("fill of {} {} with {}", shape.to_string(), name_of(dtype), value),
               {},
               {{"y", {Tensor(shape, static_cast<double>(value)), dtype}}}},
              [&](Inputs, Outputs out) { backend->run(kernels::Fill{.y = out[0], .value = value}); });
}

TEST_CASE("scale") {
  for (const DType dtype : test_types())
    for (Backend* backend : test_backends(dtype))
      for (const Shape& shape : all_shapes(*backend))
        for (const float factor : {-0.3f, 1.0f, 0.0f}) {
          if (shape.numel() > large_activation.numel() && factor >= 0) continue;
          const Tensor x = to_type(random_normal(shape, 1), dtype);
          Tensor y = x;
          for (double& value : y.values) value *= static_cast<double>(factor);
          const Expected expected{y, dtype, Arithmetic::elementwise};
          for (const Layout layout : layouts_of(*backend, shape))
            check_gradient(
                {*backend,
                 fmt::format("scale by {} of {}", factor, describe(shape, layout, dtype)),
                 {{"x", x, layout, dtype}},
                 {{"y", expected, layout}}},
                [&](Inputs in, Outputs out, GradientWrite write) {
                  backend->run(kernels::Scale{.x = in[0], .y = out[0], .factor = factor, .write = write});
                });
        }
}

TEST_CASE("add and multiply of equal shapes") {
  for (const DType dtype : test_types())
    for (Backend* backend : test_backends(dtype))
      for (const Shape& shape : all_shapes(*backend)) {
        const Tensor a = to_type(random_normal(shape, 1), dtype), b = to_type(random_normal(shape, 2), dtype);
        for (const Layout layout : layouts_of(*backend, shape))
          check_sum_and_product(*backend, a, b, layout, dtype);
      }
}

TEST_CASE("add and multiply with broadcasting") {
  for (const DType dtype : test_types())
    for (const BroadcastCase& c : broadcast_cases()) {
      const Tensor a = to_type(random_normal(c.a, 1), dtype), b = to_type(random_normal(c.b, 2), dtype);
      for (Backend* backend : test_backends(dtype)) {
        check_sum_and_product(*backend, a, b, Layout::contiguous, dtype);
        check_sum_and_product(*backend, b, a, Layout::contiguous, dtype);
      }
    }
}

namespace {

/// The sum's type is its own: gradients of parameters are f32 whatever the activations are.
void check_sum_to_shape(const BroadcastCase& c, float factor, DType x_type, DType y_type) {
  const double terms = static_cast<double>(c.a.numel()) / static_cast<double>(c.b.numel());
  // A mean that is not 0 makes rounding errors grow faster than the square root of the length.
  const Tensor x = to_type(random_normal(c.a, 1, 0.5), x_type);
  const double factor_d = static_cast<double>(factor);
  Expected y{reference::sum_to_shape(x, factor_d, c.b), y_type, Arithmetic::reduction, terms,
             factor_d * std::sqrt(terms)};
  if (y_type == DType::bf16) y.terms = y.magnitude = 0;  // nothing but the rounding of the sum
  for (Backend* backend : test_backends(x_type))
    check_gradient(
        {*backend,
         fmt::format("sum_to_shape of {} {} to {} {} times {}", c.a.to_string(), name_of(x_type),
                     c.b.to_string(), name_of(y_type), factor),
         {{"x", x, Layout::contiguous, x_type}},
         {{"y", y}}},
        [&](Inputs in, Outputs out, GradientWrite write) {
          backend->run(kernels::SumToShape{.x = in[0], .y = out[0], .scale = factor, .write = write});
        });
}

}  // namespace

TEST_CASE("sum_to_shape") {
  for (const BroadcastCase& c : sum_cases())
    for (const float factor : {1.0f, 1.0f / 3}) check_sum_to_shape(c, factor, DType::f32, DType::f32);
  if (test_backends(DType::bf16).empty()) return;
  for (const BroadcastCase& c : sum_cases()) {
    check_sum_to_shape(c, 1.0f / 3, DType::bf16, DType::f32);
    check_sum_to_shape(c, 1.0f / 3, DType::bf16, DType::bf16);
  }
}

TEST_CASE("broadcast_to") {
  for (const DType dtype : test_types())
    for (const BroadcastCase& c : sum_cases())
      for (const float factor : {1.0f, 1.0f / 3}) {
        const Tensor dy = to_type(random_normal(c.b, 2), dtype);
        const Expected dx{reference::broadcast_to(dy, static_cast<double>(factor), c.a), dtype,
                          Arithmetic::elementwise};
        for (Backend* backend : test_backends(dtype))
          check_gradient({*backend,
                          fmt::format("broadcast_to of {} to {} {} times {}", c.b.to_string(),
                                      c.a.to_string(), name_of(dtype), factor),
                          {{"dy", dy, Layout::contiguous, dtype}},
                          {{"dx", dx}}},
                         [&](Inputs in, Outputs out, GradientWrite write) {
                           backend->run(kernels::BroadcastTo{
                               .dy = in[0], .dx = out[0], .scale = factor, .write = write});
                         });
      }
}
