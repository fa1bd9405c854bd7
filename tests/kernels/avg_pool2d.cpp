#include "tests/reference/avg_pool2d.h"

#include <catch2/catch.hpp>

#include "tests/kernels/cases.h"
#include "tests/kernels/harness.h"
#include "tests/reference/global_avg_pool2d.h"

using namespace xr;
using namespace xr::tests;

TEST_CASE("avg_pool2d forward and backward") {
  for (const Pool2dCase& c : pool2d_cases()) {
    const Tensor x = random_normal(c.x, 1), dy = random_normal(c.y(), 2);
    const double terms = static_cast<double>(c.params.kernel_h * c.params.kernel_w);
    const Expected y{reference::avg_pool2d_forward(c.params, x), DType::f32, Arithmetic::reduction, terms};
    const Expected dx{reference::avg_pool2d_backward(c.params, dy, c.x), DType::f32, Arithmetic::reduction,
                      terms};
    for (Backend* backend : test_backends())
      for (const Layout layout : layouts_of(c.x)) {
        const std::string what = fmt::format("{}, x {}", c.name, describe(c.x, layout));
        const Operation forward{
            *backend, "avg_pool2d_forward of " + what, {{"x", x, layout}}, {{"y", y, layout}}};
        check_operation(
            forward, [&](Inputs in, Outputs out) { backend->avg_pool2d_forward(c.params, in[0], out[0]); });
        const Operation backward{
            *backend, "avg_pool2d_backward of " + what, {{"dy", dy, layout}}, {{"dx", dx, layout}}};
        check_gradient(backward, [&](Inputs in, Outputs out, GradientWrite write) {
          backend->avg_pool2d_backward(c.params, in[0], out[0], write);
        });
      }
  }
}

TEST_CASE("global_avg_pool2d forward and backward") {
  for (const Shape& shape : activation_shapes()) {
    const Tensor x = random_normal(shape, 1, 0.5), dy = random_normal({shape[0], shape[1]}, 2);
    const Expected y{reference::global_avg_pool2d_forward(x), DType::f32, Arithmetic::reduction,
                     static_cast<double>(shape[2] * shape[3])};
    const Expected dx{reference::global_avg_pool2d_backward(dy, shape), DType::f32, Arithmetic::elementwise};
    for (Backend* backend : test_backends())
      for (const Layout layout : layouts_of(shape)) {
        const Operation forward{*backend,
                                "global_avg_pool2d_forward of " + describe(shape, layout),
                                {{"x", x, layout}},
                                {{"y", y}}};
        check_operation(forward,
                        [&](Inputs in, Outputs out) { backend->global_avg_pool2d_forward(in[0], out[0]); });
        const Operation backward{*backend,
                                 "global_avg_pool2d_backward of " + describe(shape, layout),
                                 {{"dy", dy}},
                                 {{"dx", dx, layout}}};
        check_gradient(backward, [&](Inputs in, Outputs out, GradientWrite write) {
          backend->global_avg_pool2d_backward(in[0], out[0], write);
        });
      }
  }
}
