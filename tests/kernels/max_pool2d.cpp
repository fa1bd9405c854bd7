#include "tests/reference/max_pool2d.h"

#include <catch2/catch.hpp>
#include <limits>

#include "tests/kernels/cases.h"
#include "tests/kernels/configured.h"
#include "tests/kernels/harness.h"

using namespace xr;
using namespace xr::tests;

namespace {

/// Forward, then backward with the argmax that it kept.
void check_max_pool2d(Backend& backend, const Pool2dCase& c, const Tensor& x, Layout layout, DType dtype) {
  const reference::MaxPool2d pooled = reference::max_pool2d_forward(c.params, x);
  const auto argmax_bytes = static_cast<std::int64_t>(backend.max_pool2d_argmax_bytes(c.params, c.y()));
  const std::string what = fmt::format("{}, x {}", c.name, describe(c.x, layout, dtype));

  Operation forward{backend, "max_pool2d_forward of " + what, {{"x", x, layout, dtype}}, {}};
  forward.outputs.push_back({"y", {pooled.y, dtype}, layout});
  forward.outputs.push_back(
      {"argmax", {Tensor(Shape{argmax_bytes}), DType::u8}, Layout::contiguous, std::nullopt, false});
  const std::vector<Tensor> results = check_operation(forward, [&](Inputs in, Outputs out) {
    backend.run(kernels::MaxPool2dForward{.x = in[0], .y = out[0], .argmax = out[1], .params = c.params});
  });

  const Tensor dy = to_type(random_normal(c.y(), 2), dtype);
  Operation backward{backend, "max_pool2d_backward of " + what, {}, {}};
  backward.inputs.push_back({"dy", dy, layout, dtype});
  backward.inputs.push_back({"argmax", results[1], Layout::contiguous, DType::u8});
  Expected dx{reference::max_pool2d_backward(dy, pooled.argmax, c.x), dtype};
  if (c.overlapping()) {  // several windows may add to one element
    dx.arithmetic = Arithmetic::reduction;
    if (dtype == DType::f32) dx.terms = static_cast<double>(c.params.kernel_h * c.params.kernel_w);
    dx.magnitude = 1;
  }
  backward.outputs.push_back({"dx", dx, layout});
  check_gradient(backward, [&](Inputs in, Outputs out, GradientWrite write) {
    backend.run(kernels::MaxPool2dBackward{
        .dy = in[0], .argmax = in[1], .dx = out[0], .params = c.params, .write = write});
  });
}

/// Calls check_max_pool2d for every backend, type, case and layout; make_x(shape) is rounded to the type.
template <class MakeX>
void check_everywhere(MakeX&& make_x) {
  for (const DType dtype : test_types())
    for (const Pool2dCase& c : pool2d_cases()) {
      const Tensor x = to_type(make_x(c.x), dtype);
      for (Backend* backend : test_backends(dtype))
        for (const Layout layout : layouts_of(*backend, c.x)) check_max_pool2d(*backend, c, x, layout, dtype);
    }
}

}  // namespace

TEST_CASE("max_pool2d forward and backward") {
  check_everywhere([](const Shape& shape) { return random_normal(shape, 1); });
}

TEST_CASE("max_pool2d takes the first of equal values") {
  check_everywhere([](const Shape& shape) {
    Tensor x = random_normal(shape, 3);
    for (double& value : x.values) value = std::max(0.0, std::round(value));
    return x;
  });
}

TEST_CASE("max_pool2d lets padding never win") {
  check_everywhere([](const Shape& shape) { return random_normal(shape, 4, -1000); });
  check_everywhere(
      [](const Shape& shape) { return Tensor(shape, -std::numeric_limits<double>::infinity()); });
}

TEST_CASE("max_pool2d lets NaN win over numbers") {
  check_everywhere([](const Shape& shape) {
    // One NaN per plane: which of several in one window wins is not specified.
    Tensor x = random_normal(shape, 5);
    const std::int64_t plane = shape[2] * shape[3];
    for (std::int64_t i = 0; i < shape[0] * shape[1]; ++i)
      x[i * plane + (i * 7) % plane] = std::numeric_limits<double>::quiet_NaN();
    return x;
  });
}

// Also where the other is faster.
TEST_CASE("max_pool2d backward by each of its kernels") {
  constexpr const char* tiles = "max_pool2d_backward_tiles";
  constexpr const char* elements = "max_pool2d_backward_elements";
  for (const DType dtype : test_types())
    for (const Pool2dCase& c : pool2d_cases()) {
      const Pool2dParams& p = c.params;
      const bool side_by_side = p.kernel_h == 2 && p.kernel_w == 2 && p.stride_h == 2 && p.stride_w == 2 &&
                                p.padding_h == 0 && p.padding_w == 0;
      if (!side_by_side && c.x[1] != 16) continue;  // nothing but version 1 takes it
      const Tensor x = to_type(random_normal(c.x, 6), dtype);
      for (Backend* backend : test_backends(dtype))
        for (const char* variant : {"", "elements", "tiles"})
          for (const Layout layout : layouts_of(*backend, c.x)) {
            if (backend->name() == "cpu") continue;
            const Configured configured(*backend, {.variant = variant});
            check_max_pool2d(*backend, c, x, layout, dtype);
            INFO(c.name << ", variant '" << variant << "' ran " << configured.kernels());
            const bool fits = side_by_side && layout == Layout::channels_last && c.x[1] % 8 == 0;
            const bool asked = variant != std::string_view("elements");
            CHECK(configured.ran(tiles) == (fits && asked));
            if (!fits || !asked) CHECK(configured.ran(elements));
          }
    }
}

TEST_CASE("max_pool2d keeps its winners in as few bits as the window needs") {
  for (Backend* backend : test_backends())
    if (backend->name() != "cpu") {
      const auto bytes = [&](std::int64_t height, std::int64_t width) {
        return backend->max_pool2d_argmax_bytes({height, width}, {1, 3, 5, 7});
      };
      CHECK(bytes(1, 1) == 27);  // 105 outputs of 2 bits
      CHECK(bytes(2, 2) == 27);
      CHECK(bytes(3, 3) == 53);
      CHECK(bytes(4, 4) == 53);
      CHECK(bytes(5, 5) == 105);
      CHECK(bytes(16, 16) == 105);
      CHECK(bytes(17, 16) == 210);
      CHECK_THROWS_AS(bytes(257, 256), Error);
    }
}
