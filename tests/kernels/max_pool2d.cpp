#include "tests/reference/max_pool2d.h"

#include <catch2/catch.hpp>
#include <limits>

#include "tests/kernels/cases.h"
#include "tests/kernels/harness.h"

using namespace xr;
using namespace xr::tests;

namespace {

/// Forward, then backward with the argmax that it kept.
void check_max_pool2d(Backend& backend, const Pool2dCase& c, const Tensor& x, Layout layout) {
  const reference::MaxPool2d pooled = reference::max_pool2d_forward(c.params, x);
  const auto argmax_bytes = static_cast<std::int64_t>(backend.max_pool2d_argmax_bytes(c.params, c.y()));
  const std::string what = fmt::format("{}, x {}", c.name, describe(c.x, layout));

  Operation forward{backend, "max_pool2d_forward of " + what, {{"x", x, layout}}, {}};
  forward.outputs.push_back({"y", {pooled.y}, layout});
  forward.outputs.push_back(
      {"argmax", {Tensor(Shape{argmax_bytes}), DType::u8}, Layout::contiguous, std::nullopt, false});
  const std::vector<Tensor> results = check_operation(
      forward, [&](Inputs in, Outputs out) { backend.max_pool2d_forward(c.params, in[0], out[0], out[1]); });

  const Tensor dy = random_normal(c.y(), 2);
  Operation backward{backend, "max_pool2d_backward of " + what, {}, {}};
  backward.inputs.push_back({"dy", dy, layout});
  backward.inputs.push_back({"argmax", results[1], Layout::contiguous, DType::u8});
  Expected dx{reference::max_pool2d_backward(dy, pooled.argmax, c.x)};
  if (c.overlapping()) {  // several windows may add to one element
    dx.arithmetic = Arithmetic::reduction;
    dx.terms = static_cast<double>(c.params.kernel_h * c.params.kernel_w);
    dx.magnitude = 1;
  }
  backward.outputs.push_back({"dx", dx, layout});
  check_gradient(backward, [&](Inputs in, Outputs out, GradientWrite write) {
    backend.max_pool2d_backward(c.params, in[0], in[1], out[0], write);
  });
}

}  // namespace

TEST_CASE("max_pool2d forward and backward") {
  for (Backend* backend : test_backends())
    for (const Pool2dCase& c : pool2d_cases())
      for (const Layout layout : layouts_of(c.x))
        check_max_pool2d(*backend, c, random_normal(c.x, 1), layout);
}

TEST_CASE("max_pool2d takes the first of equal values") {
  for (Backend* backend : test_backends())
    for (const Pool2dCase& c : pool2d_cases())
      for (const Layout layout : layouts_of(c.x)) {
        Tensor x = random_normal(c.x, 3);
        for (double& value : x.values) value = std::max(0.0, std::round(value));
        check_max_pool2d(*backend, c, x, layout);
      }
}

TEST_CASE("max_pool2d lets padding never win") {
  const double infinity = std::numeric_limits<double>::infinity();
  for (Backend* backend : test_backends())
    for (const Pool2dCase& c : pool2d_cases())
      for (const Layout layout : layouts_of(c.x)) {
        check_max_pool2d(*backend, c, random_normal(c.x, 4, -1000), layout);
        check_max_pool2d(*backend, c, Tensor(c.x, -infinity), layout);
      }
}

TEST_CASE("max_pool2d lets NaN win over numbers") {
  for (Backend* backend : test_backends())
    for (const Pool2dCase& c : pool2d_cases())
      for (const Layout layout : layouts_of(c.x)) {
        // One NaN per plane: which of several in one window wins is not specified.
        Tensor x = random_normal(c.x, 5);
        const std::int64_t plane = c.x[2] * c.x[3];
        for (std::int64_t i = 0; i < c.x[0] * c.x[1]; ++i)
          x[i * plane + (i * 7) % plane] = std::numeric_limits<double>::quiet_NaN();
        check_max_pool2d(*backend, c, x, layout);
      }
}
