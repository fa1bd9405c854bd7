// Where a NaN goes in a convolution: to the results that see it, and no further.
#include <catch2/catch.hpp>
#include <cmath>

#include "tests/kernels/cases.h"
#include "tests/kernels/configured.h"
#include "tests/kernels/harness.h"
#include "tests/reference/conv2d.h"

using namespace xr;
using namespace xr::tests;

// Zeros that fill up a tile must not meet a NaN.
TEST_CASE("conv2d kernels keep NaN to the results that see it") {
  const std::vector<Conv2dCase> cases = {
      {"tiles that end in the middle", {2, 48, 9, 11}, {32, 48, 3, 3}, {1, 1, 1, 1, 1, 1, 1}},
      {"3x3", {1, 32, 9, 19}, {32, 32, 3, 3}, {1, 1, 0, 0, 1, 1, 1}},
      {"strided", {1, 16, 9, 10}, {32, 16, 5, 5}, {2, 2, 2, 2, 1, 1, 1}},
      {"few channels", {1, 3, 9, 10}, {32, 3, 3, 3}, {1, 1, 1, 1, 1, 1, 1}}};
  for (const Conv2dCase& c : cases) {
    Tensor x = random_normal(c.x, 1);
    x.at(0, c.x[1] - 1, 5, 6) = std::nan("");
    const Tensor filter = random_normal(c.filter, 2);
    Expected y{reference::conv2d_forward(c.params, x, filter, nullptr), DType::f32, Arithmetic::reduction,
               c.terms(), std::sqrt(c.terms())};
    Tensor dy = random_normal(c.y(), 3);
    dy.at(0, 7, 2, 3) = std::nan("");
    const double terms = c.terms() * static_cast<double>(c.filter[0]) / static_cast<double>(c.x[1]);
    Expected dx{reference::conv2d_backward_data(c.params, dy, filter, c.x), DType::f32, Arithmetic::reduction,
                terms, std::sqrt(terms)};
    for (Backend* backend : test_backends()) {
      if (backend->name() == "cpu") continue;
      for (const char* variant : {"", "direct", "implicit_gemm_v1", "implicit_gemm_v2", "implicit_gemm_v3"}) {
        if (variant == std::string("implicit_gemm_v3") && std::string_view(c.name) != "3x3") continue;
        const Configured configured(*backend, {.variant = variant});
        const Layout layout = Layout::channels_last;
        check_operation({*backend,
                         fmt::format("conv2d_forward of a NaN, {} {}", c.name, variant),
                         {{"x", x, layout}, {"filter", filter}},
                         {{"y", y, layout}},
                         false},
                        [&](Inputs in, Outputs out) {
                          backend->run(kernels::Conv2dForward{
                              .x = in[0], .filter = in[1], .y = out[0], .params = c.params});
                        });
        check_operation({*backend,
                         fmt::format("conv2d_backward_data of a NaN, {} {}", c.name, variant),
                         {{"dy", dy, layout}, {"filter", filter}},
                         {{"dx", dx, layout}},
                         false},
                        [&](Inputs in, Outputs out) {
                          backend->run(kernels::Conv2dBackwardData{
                              .dy = in[0], .filter = in[1], .dx = out[0], .params = c.params});
                        });
        INFO(configured.kernels());
        CHECK((variant != std::string("implicit_gemm_v3") || configured.ran(variant)));
      }
    }
  }
}

// The last pixel of the image is seen by the last tap alone. Version 3 keeps that where its tiles of 2 x 16
// results end with the image.
TEST_CASE("conv2d filter gradients keep NaN to the taps that see it") {
  for (const char* variant : {"", "direct", "implicit_gemm_v1", "implicit_gemm_v2", "implicit_gemm_v3"}) {
    const bool whole_tiles = variant == std::string("implicit_gemm_v3");
    const Shape images = whole_tiles ? Shape{1, 32, 10, 18} : Shape{1, 32, 9, 19};
    const Conv2dCase c{"3x3", images, {32, 32, 3, 3}, {1, 1, 0, 0, 1, 1, 1}};
    Tensor x = random_normal(c.x, 1);
    x.at(0, 5, images[2] - 1, images[3] - 1) = std::nan("");
    const Tensor dy = random_normal(c.y(), 3);
    const double terms = static_cast<double>(c.y().numel()) / static_cast<double>(c.filter[0]);
    const auto expected = [&](Tensor values) {
      return Expected{std::move(values), DType::f32, Arithmetic::reduction, terms, std::sqrt(terms)};
    };
    for (Backend* backend : test_backends()) {
      if (backend->name() == "cpu") continue;
      const Configured configured(*backend, {.variant = variant});
      check_operation(
          {*backend,
           fmt::format("conv2d_backward_filter of a NaN {}", variant),
           {{"x", x, Layout::channels_last}, {"dy", dy, Layout::channels_last}},
           {{"d_filter", expected(reference::conv2d_backward_filter(c.params, x, dy, c.filter))},
            {"d_bias", expected(reference::conv2d_backward_bias(dy))}},
           false},
          [&](Inputs in, Outputs out) {
            backend->run(kernels::Conv2dBackwardFilter{
                .x = in[0], .dy = in[1], .d_filter = out[0], .d_bias = out[1], .params = c.params});
          });
      INFO(configured.kernels());
      CHECK(configured.ran(variant));
    }
  }
}
