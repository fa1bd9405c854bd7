#include "tests/reference/avg_pool2d.h"

#include <catch2/catch.hpp>

#include "tests/kernels/cases.h"
#include "tests/kernels/harness.h"
#include "tests/reference/global_avg_pool2d.h"

using namespace xr;
using namespace xr::tests;

namespace {

/// bf16: the sums are f32, so the rounding of the result alone counts.
Expected sum_of(const Tensor& values, DType dtype, double terms) {
  return {values, dtype, Arithmetic::reduction, dtype == DType::f32 ? terms : 1};
}

}  // namespace

TEST_CASE("avg_pool2d forward and backward") {
  for (const DType dtype : test_types())
    for (const Pool2dCase& c : pool2d_cases()) {
      const Tensor x = to_type(random_normal(c.x, 1), dtype), dy = to_type(random_normal(c.y(), 2), dtype);
      const double terms = static_cast<double>(c.params.kernel_h * c.params.kernel_w);
      const Expected y = sum_of(reference::avg_pool2d_forward(c.params, x), dtype, terms);
      const Expected dx = sum_of(reference::avg_pool2d_backward(c.params, dy, c.x), dtype, terms);
      for (Backend* backend : test_backends(dtype))
        for (const Layout layout : layouts_of(*backend, c.x)) {
          const std::string what = fmt::format("{}, x {}", c.name, describe(c.x, layout, dtype));
          const Operation forward{
              *backend, "avg_pool2d_forward of " + what, {{"x", x, layout, dtype}}, {{"y", y, layout}}};
          check_operation(forward, [&](Inputs in, Outputs out) {
            backend->run(kernels::AvgPool2dForward{.x = in[0], .y = out[0], .params = c.params});
          });
          const Operation backward{
              *backend, "avg_pool2d_backward of " + what, {{"dy", dy, layout, dtype}}, {{"dx", dx, layout}}};
          check_gradient(backward, [&](Inputs in, Outputs out, GradientWrite write) {
            backend->run(
                kernels::AvgPool2dBackward{.dy = in[0], .dx = out[0], .params = c.params, .write = write});
          });
        }
    }
}

TEST_CASE("global_avg_pool2d forward and backward") {
  for (const DType dtype : test_types())
    for (const Shape& shape : activation_shapes()) {
      const Tensor x = to_type(random_normal(shape, 1, 0.5), dtype),
                   dy = to_type(random_normal({shape[0], shape[1]}, 2), dtype);
      const Expected y =
          sum_of(reference::global_avg_pool2d_forward(x), dtype, static_cast<double>(shape[2] * shape[3]));
      const Expected dx{reference::global_avg_pool2d_backward(dy, shape), dtype, Arithmetic::elementwise};
      for (Backend* backend : test_backends(dtype))
        for (const Layout layout : layouts_of(*backend, shape)) {
          const std::string what = describe(shape, layout, dtype);
          const Operation forward{
              *backend, "global_avg_pool2d_forward of " + what, {{"x", x, layout, dtype}}, {{"y", y}}};
          check_operation(forward, [&](Inputs in, Outputs out) {
            backend->run(kernels::GlobalAvgPool2dForward{.x = in[0], .y = out[0]});
          });
          const Operation backward{*backend,
                                   "global_avg_pool2d_backward of " + what,
                                   {{"dy", dy, Layout::contiguous, dtype}},
                                   {{"dx", dx, layout}}};
          check_gradient(backward, [&](Inputs in, Outputs out, GradientWrite write) {
            backend->run(kernels::GlobalAvgPool2dBackward{.dy = in[0], .dx = out[0], .write = write});
          });
        }
    }
}
