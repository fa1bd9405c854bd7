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

void check_forward(const Conv2dCase& c, const std::vector<LayoutPair>& pairs) {
  const Tensor x = random_normal(c.x, 1), filter = random_normal(c.filter, 2);
  const Tensor bias = random_normal({c.filter[0]}, 3);
  const Tensor y = reference::conv2d_forward(c.params, x, filter, c.bias ? &bias : nullptr);
  const Expected expected{y, DType::f32, arithmetic_of(c), terms_of(c)};
  for (Backend* backend : test_backends())
    for (const LayoutPair& layouts : pairs) {
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

void check_backward_data(const Conv2dCase& c, const std::vector<LayoutPair>& pairs) {
  const Tensor dy = random_normal(c.y(), 1), filter = random_normal(c.filter, 2);
  const Tensor dx = reference::conv2d_backward_data(c.params, dy, filter, c.x);
  const double terms = terms_of(c) * static_cast<double>(c.filter[0]) / static_cast<double>(c.x[1]);
  const Expected expected{dx, DType::f32, arithmetic_of(c), terms};
  for (Backend* backend : test_backends())
    for (const LayoutPair& layouts : pairs) {
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

void check_backward_filter(const Conv2dCase& c, const std::vector<LayoutPair>& pairs) {
  const Tensor x = random_normal(c.x, 1), dy = random_normal(c.y(), 2);
  const double terms = static_cast<double>(c.y().numel()) / static_cast<double>(c.filter[0]);
  const Expected d_filter{reference::conv2d_backward_filter(c.params, x, dy, c.filter), DType::f32,
                          arithmetic_of(c), terms};
  const Expected d_bias{reference::conv2d_backward_bias(dy), DType::f32, Arithmetic::reduction, terms,
                        std::sqrt(terms)};
  for (Backend* backend : test_backends())
    for (const LayoutPair& layouts : pairs) {
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

}  // namespace

TEST_CASE("conv2d forward") {
  for (const Conv2dCase& c : conv2d_cases()) check_forward(c, layout_pairs(c));
}

TEST_CASE("conv2d backward data") {
  for (const Conv2dCase& c : conv2d_cases()) check_backward_data(c, layout_pairs(c));
}

TEST_CASE("conv2d backward filter and bias") {
  for (const Conv2dCase& c : conv2d_cases()) check_backward_filter(c, layout_pairs(c));
}

// A cache of prepared convolutions must be keyed by the whole descriptor: each of these differs from the
// first in one number only.
TEST_CASE("conv2d of neighbouring descriptors one after the other") {
  std::vector<Conv2dCase> neighbours(15, {"base", {2, 16, 9, 9}, {16, 16, 3, 3}, {1, 1, 1, 1, 1, 1, 1}});
  neighbours[1].x[0] = 3;
  neighbours[2].x[2] = 8;
  neighbours[3].x[3] = 8;
  neighbours[4].x[1] = neighbours[4].filter[1] = 32;
  neighbours[5].filter[0] = 32;
  neighbours[6].filter[2] = 2;
  neighbours[7].filter[3] = 2;
  neighbours[8].params.stride_h = 2;
  neighbours[9].params.stride_w = 2;
  neighbours[10].params.padding_h = 0;
  neighbours[11].params.padding_w = 0;
  neighbours[12].params.dilation_h = 2;
  neighbours[13].params.dilation_w = 2;
  neighbours[14].params.groups = 2;
  neighbours[14].filter[1] = 8;
  for (Conv2dCase& c : neighbours) c.name = "a neighbouring descriptor";
  for (const bool bias : {false, true})
    for (Conv2dCase c : neighbours) {
      c.bias = bias;
      const std::vector<LayoutPair> blocked = {{Layout::blocked16, Layout::blocked16}};
      check_forward(c, blocked);
      check_backward_data(c, blocked);
      check_backward_filter(c, blocked);
    }
}
