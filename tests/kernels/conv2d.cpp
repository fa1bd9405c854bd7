#include "tests/reference/conv2d.h"

#include <catch2/catch.hpp>

#include "tests/kernels/cases.h"
#include "tests/kernels/harness.h"

using namespace xr;
using namespace xr::tests;

namespace {

struct LayoutPair {
  Layout x, y;
};

/// x and y in every pair of layouts that their channels allow.
std::vector<LayoutPair> layout_pairs(const Conv2dCase& c) {
  std::vector<LayoutPair> pairs;
  for (const Layout x : layouts_of(c.x))
    for (const Layout y : layouts_of(c.y())) pairs.push_back({x, y});
  return pairs;
}

std::string describe(const char* operation, const Conv2dCase& c, const LayoutPair& layouts) {
  return fmt::format("{} of {}, x {}, filter {}, y {}", operation, c.name, tests::describe(c.x, layouts.x),
                     c.filter.to_string(), tests::describe(c.y(), layouts.y));
}

Arithmetic arithmetic_of(const Conv2dCase& c) {
  return c.suits_winograd() ? Arithmetic::winograd : Arithmetic::reduction;
}

/// Products that make up one element.
double terms_of(const Conv2dCase& c) {
  return static_cast<double>(c.filter[1] * c.filter[2] * c.filter[3]);
}

}  // namespace

TEST_CASE("conv2d forward") {
  for (const Conv2dCase& c : conv2d_cases()) {
    const Tensor x = random_normal(c.x, 1), filter = random_normal(c.filter, 2);
    const Tensor bias = random_normal({c.filter[0]}, 3);
    const Tensor y = reference::conv2d_forward(c.params, x, filter, c.bias ? &bias : nullptr);
    const Expected expected{y, DType::f32, arithmetic_of(c), terms_of(c)};
    for (Backend* backend : test_backends())
      for (const LayoutPair& layouts : layout_pairs(c)) {
        const Operation operation{
            *backend,
            describe("conv2d_forward", c, layouts),
            {{"x", x, layouts.x}, {"filter", filter}, {"bias", bias, Layout::contiguous, DType::f32, c.bias}},
            {{"y", expected, layouts.y}},
            false};
        check_operation(operation, [&](Inputs in, Outputs out) {
          backend->conv2d_forward(c.params, in[0], in[1], in[2], out[0]);
        });
      }
  }
}

TEST_CASE("conv2d backward data") {
  for (const Conv2dCase& c : conv2d_cases()) {
    const Tensor dy = random_normal(c.y(), 1), filter = random_normal(c.filter, 2);
    const Tensor dx = reference::conv2d_backward_data(c.params, dy, filter, c.x);
    const double terms = terms_of(c) * static_cast<double>(c.filter[0]) / static_cast<double>(c.x[1]);
    const Expected expected{dx, DType::f32, arithmetic_of(c), terms};
    for (Backend* backend : test_backends())
      for (const LayoutPair& layouts : layout_pairs(c)) {
        const Operation operation{*backend,
                                  describe("conv2d_backward_data", c, layouts),
                                  {{"dy", dy, layouts.y}, {"filter", filter}},
                                  {{"dx", expected, layouts.x}},
                                  false};
        check_gradient(operation, [&](Inputs in, Outputs out, GradientWrite write) {
          backend->conv2d_backward_data(c.params, in[0], in[1], out[0], write);
        });
      }
  }
}

TEST_CASE("conv2d backward filter and bias") {
  for (const Conv2dCase& c : conv2d_cases()) {
    const Tensor x = random_normal(c.x, 1), dy = random_normal(c.y(), 2);
    const double terms = static_cast<double>(c.y().numel() / c.filter[0]);
    const Expected d_filter{reference::conv2d_backward_filter(c.params, x, dy, c.filter), DType::f32,
                            Arithmetic::reduction, terms};
    const Expected d_bias{reference::conv2d_backward_bias(dy), DType::f32, Arithmetic::reduction, terms,
                          std::sqrt(terms)};
    for (Backend* backend : test_backends())
      for (const LayoutPair& layouts : layout_pairs(c)) {
        const Operation operation{
            *backend,
            describe("conv2d_backward_filter", c, layouts),
            {{"x", x, layouts.x}, {"dy", dy, layouts.y}},
            {{"d_filter", d_filter}, {"d_bias", d_bias, Layout::contiguous, std::nullopt, true, c.bias}},
            false};
        check_gradient(operation, [&](Inputs in, Outputs out, GradientWrite write) {
          backend->conv2d_backward_filter(c.params, in[0], in[1], out[0], out[1], write);
        });
      }
  }
}

// A cache of prepared convolutions must be keyed by the whole descriptor: shapes that differ in one number
// only.
TEST_CASE("conv2d of neighbouring descriptors one after the other") {
  const std::vector<Conv2dCase> neighbours = {
      {"base", {2, 16, 9, 9}, {16, 16, 3, 3}, {1, 1, 1, 1, 1, 1, 1}},
      {"other batch", {3, 16, 9, 9}, {16, 16, 3, 3}, {1, 1, 1, 1, 1, 1, 1}},
      {"without bias", {2, 16, 9, 9}, {16, 16, 3, 3}, {1, 1, 1, 1, 1, 1, 1}, false},
      {"other padding", {2, 16, 9, 9}, {16, 16, 3, 3}, {1, 1, 0, 2, 1, 1, 1}},
      {"padding swapped", {2, 16, 9, 9}, {16, 16, 3, 3}, {1, 1, 2, 0, 1, 1, 1}},
      {"other stride", {2, 16, 9, 9}, {16, 16, 3, 3}, {2, 1, 1, 1, 1, 1, 1}},
      {"stride swapped", {2, 16, 9, 9}, {16, 16, 3, 3}, {1, 2, 1, 1, 1, 1, 1}},
      {"dilated", {2, 16, 9, 9}, {16, 16, 3, 3}, {1, 1, 2, 2, 2, 2, 1}},
      {"dilated in one direction", {2, 16, 9, 9}, {16, 16, 3, 3}, {1, 1, 1, 1, 2, 1, 1}},
      {"grouped", {2, 16, 9, 9}, {16, 8, 3, 3}, {1, 1, 1, 1, 1, 1, 2}},
      {"other filter", {2, 16, 9, 9}, {16, 16, 1, 3}, {1, 1, 0, 1, 1, 1, 1}},
      {"base again", {2, 16, 9, 9}, {16, 16, 3, 3}, {1, 1, 1, 1, 1, 1, 1}},
  };
  for (const Conv2dCase& c : neighbours) {
    const Tensor x = random_normal(c.x, 1), filter = random_normal(c.filter, 2);
    const Tensor bias = random_normal({c.filter[0]}, 3);
    const Expected expected{reference::conv2d_forward(c.params, x, filter, c.bias ? &bias : nullptr),
                            DType::f32, Arithmetic::reduction, terms_of(c)};
    for (Backend* backend : test_backends()) {
      const LayoutPair layouts{Layout::blocked16, Layout::blocked16};
      const Operation operation{
          *backend,
          describe("conv2d_forward", c, layouts),
          {{"x", x, layouts.x}, {"filter", filter}, {"bias", bias, Layout::contiguous, DType::f32, c.bias}},
          {{"y", expected, layouts.y}},
          false};
      check_operation(operation, [&](Inputs in, Outputs out) {
        backend->conv2d_forward(c.params, in[0], in[1], in[2], out[0]);
      });
    }
  }
}
