#include "tests/reference/matmul.h"

#include <catch2/catch.hpp>

#include "tests/kernels/cases.h"
#include "tests/kernels/harness.h"

using namespace xr;
using namespace xr::tests;

TEST_CASE("matmul with every transposition") {
  for (const MatmulCase& c : matmul_cases())
    for (const bool transpose_a : {false, true})
      for (const bool transpose_b : {false, true}) {
        const Tensor a = random_normal(transpose_a ? Shape{c.k, c.m} : Shape{c.m, c.k}, 1);
        const Tensor b = random_normal(transpose_b ? Shape{c.n, c.k} : Shape{c.k, c.n}, 2);
        const double terms = static_cast<double>(c.k);
        const Expected expected{reference::matmul(a, transpose_a, b, transpose_b), DType::f32,
                                Arithmetic::reduction, terms, std::sqrt(terms)};
        for (Backend* backend : test_backends()) {
          const Operation operation{
              *backend,
              fmt::format("matmul of {}{} and {}{}", a.shape.to_string(), transpose_a ? " transposed" : "",
                          b.shape.to_string(), transpose_b ? " transposed" : ""),
              {{"a", a}, {"b", b}},
              {{"c", expected}},
              false};
          check_gradient(operation, [&](Inputs in, Outputs out, GradientWrite write) {
            backend->matmul(in[0], transpose_a, in[1], transpose_b, out[0], write);
          });
        }
      }
}

TEST_CASE("linear forward with and without bias") {
  for (const MatmulCase& c : matmul_cases())
    for (const bool with_bias : {true, false}) {
      const Tensor x = random_normal({c.m, c.k}, 1), weight = random_normal({c.n, c.k}, 2);
      const Tensor bias = random_normal({c.n}, 3);
      const double terms = static_cast<double>(c.k);
      const Expected expected{reference::linear_forward(x, weight, with_bias ? &bias : nullptr), DType::f32,
                              Arithmetic::reduction, terms, std::sqrt(terms)};
      for (Backend* backend : test_backends()) {
        const Operation operation{
            *backend,
            fmt::format("linear_forward of x {}, weight {}{}", x.shape.to_string(), weight.shape.to_string(),
                        with_bias ? "" : " without bias"),
            {{"x", x}, {"weight", weight}, {"bias", bias, Layout::contiguous, DType::f32, with_bias}},
            {{"y", expected}},
            false};
        check_operation(
            operation, [&](Inputs in, Outputs out) { backend->linear_forward(in[0], in[1], in[2], out[0]); });
      }
    }
}
