#include "tests/reference/relu.h"

#include <catch2/catch.hpp>
#include <limits>

#include "tests/kernels/cases.h"
#include "tests/kernels/harness.h"

using namespace xr;
using namespace xr::tests;

namespace {

/// Normal numbers with zeros, NaN, infinities and the smallest and largest numbers among them.
Tensor with_special_values(const Shape& shape, std::uint64_t number, DType dtype) {
  using Limits = std::numeric_limits<float>;
  const float special[] = {0.0f,          Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity(),
                           Limits::min(), -Limits::min(),      Limits::max()};
  Tensor x = random_normal(shape, number);
  for (std::int64_t i = 3, which = 0; i < x.size(); i += 5, ++which)
    x[i] = static_cast<double>(special[which % 7]);
  return to_type(x, dtype);
}

std::vector<Shape> all_shapes() {
  std::vector<Shape> shapes = activation_shapes();
  for (const std::int64_t length : flat_lengths()) shapes.push_back({length});
  shapes.push_back({60, 600});
  shapes.push_back({large_activation.numel() + 1});
  return shapes;
}

}  // namespace

TEST_CASE("relu forward and backward") {
  for (const DType dtype : test_types())
    for (const Shape& shape : all_shapes()) {
      const Tensor x = with_special_values(shape, 1, dtype), dy = to_type(random_normal(shape, 2), dtype);
      const Tensor y = reference::relu_forward(x);
      for (Backend* backend : test_backends(dtype)) {
        // Once is enough to see a loop over more elements than there are threads.
        if (dtype != DType::f32 && !is_fast_enough(*backend, shape.numel())) continue;
        for (const Layout layout : layouts_of(*backend, shape)) {
          const std::string what = describe(shape, layout, dtype);
          const Operation forward{
              *backend, "relu_forward of " + what, {{"x", x, layout, dtype}}, {{"y", {y, dtype}, layout}}};
          check_operation(forward, [&](Inputs in, Outputs out) {
            backend->run(kernels::ReluForward{.x = in[0], .y = out[0]});
          });
          const Operation backward{*backend,
                                   "relu_backward of " + what,
                                   {{"y", y, layout, dtype}, {"dy", dy, layout, dtype}},
                                   {{"dx", {reference::relu_backward(y, dy), dtype}, layout}}};
          check_gradient(backward, [&](Inputs in, Outputs out, GradientWrite write) {
            backend->run(kernels::ReluBackward{.y = in[0], .dy = in[1], .dx = out[0], .write = write});
          });
        }
      }
    }
}

TEST_CASE("relu forward in place") {
  for (const DType dtype : test_types())
    for (const Shape& shape : all_shapes()) {
      const Tensor x = with_special_values(shape, 1, dtype);
      for (Backend* backend : test_backends(dtype)) {
        if (!is_fast_enough(*backend, shape.numel())) continue;
        for (const Layout layout : layouts_of(*backend, shape)) {
          const Operation operation{*backend,
                                    "relu_forward in place of " + describe(shape, layout, dtype),
                                    {},
                                    {{"y", {reference::relu_forward(x), dtype}, layout, x}}};
          check_operation(operation, [&](Inputs, Outputs out) {
            backend->run(kernels::ReluForward{.x = out[0], .y = out[0]});
          });
        }
      }
    }
}
