#include "tests/reference/softmax.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "tests/kernels/cases.h"
#include "tests/kernels/harness.h"
#include "tests/kernels/logits.h"
#include "tests/reference/log_softmax.h"

using namespace xr;
using namespace xr::tests;

namespace {

/// The gradient is a difference of numbers of the size of y dy.
Expected gradient(const Tensor& values, DType dtype, const RowsCase& c, double magnitude) {
  const double terms = dtype == DType::f32 ? static_cast<double>(c.classes) : 1;
  return {values, dtype, Arithmetic::reduction, terms, magnitude};
}

std::string describe(const RowsCase& c, DType dtype) {
  return fmt::format("[{}, {}] {} with spike {}", c.rows, c.classes, name_of(dtype), c.spike);
}

}  // namespace

TEST_CASE("softmax forward and backward") {
  for (const DType dtype : test_types())
    for (const RowsCase& c : rows_cases()) {
      const Tensor x = spiked_logits(c, 1, dtype), dy = to_type(random_normal(x.shape, 2), dtype);
      const Expected expected{reference::softmax_forward(x), dtype, Arithmetic::transcendental};
      const Tensor y = to_type(expected.values, dtype);
      const Expected dx =
          gradient(reference::softmax_backward(y, dy), dtype, c, reference::root_mean_square(y));
      for (Backend* backend : test_backends(dtype)) {
        check_operation(
            {*backend,
             "softmax_forward of " + describe(c, dtype),
             {{"x", x, Layout::contiguous, dtype}},
             {{"y", expected}}},
            [&](Inputs in, Outputs out) { backend->run(kernels::SoftmaxForward{.x = in[0], .y = out[0]}); });
        check_gradient(
            {*backend,
             "softmax_backward of " + describe(c, dtype),
             {{"y", y, Layout::contiguous, dtype}, {"dy", dy, Layout::contiguous, dtype}},
             {{"dx", dx}}},
            [&](Inputs in, Outputs out, GradientWrite write) {
              backend->run(kernels::SoftmaxBackward{.y = in[0], .dy = in[1], .dx = out[0], .write = write});
            });
      }
    }
}

TEST_CASE("log_softmax forward and backward") {
  for (const DType dtype : test_types())
    for (const RowsCase& c : rows_cases()) {
      const Tensor x = spiked_logits(c, 1, dtype), dy = to_type(random_normal(x.shape, 2), dtype);
      Expected expected{reference::log_softmax_forward(x), dtype, Arithmetic::transcendental};
      expected.magnitude = reference::root_mean_square(x);
      const Tensor y = to_type(expected.values, dtype);
      const Expected dx = gradient(reference::log_softmax_backward(y, dy), dtype, c, 1);
      for (Backend* backend : test_backends(dtype)) {
        check_operation({*backend,
                         "log_softmax_forward of " + describe(c, dtype),
                         {{"x", x, Layout::contiguous, dtype}},
                         {{"y", expected}}},
                        [&](Inputs in, Outputs out) {
                          backend->run(kernels::LogSoftmaxForward{.x = in[0], .y = out[0]});
                        });
        check_gradient({*backend,
                        "log_softmax_backward of " + describe(c, dtype),
                        {{"y", y, Layout::contiguous, dtype}, {"dy", dy, Layout::contiguous, dtype}},
                        {{"dx", dx}}},
                       [&](Inputs in, Outputs out, GradientWrite write) {
                         backend->run(kernels::LogSoftmaxBackward{
                             .y = in[0], .dy = in[1], .dx = out[0], .write = write});
                       });
      }
    }
}

// exp overflows at 89 and underflows at -104: the row's maximum must be taken off first.
TEST_CASE("softmax of logits far from zero") {
  const Tensor x({3, 4}, {1000, 1001, 999, 1000.5, -2000, -2001, -2000.25, -1999, 0, 300, -300, 299});
  const Expected y{reference::softmax_forward(x), DType::f32, Arithmetic::transcendental};
  const Expected log_y{reference::log_softmax_forward(x), DType::f32, Arithmetic::transcendental};
  for (Backend* backend : test_backends()) {
    check_operation(
        {*backend, "softmax_forward of large logits", {{"x", x}}, {{"y", y}}},
        [&](Inputs in, Outputs out) { backend->run(kernels::SoftmaxForward{.x = in[0], .y = out[0]}); });
    check_operation(
        {*backend, "log_softmax_forward of large logits", {{"x", x}}, {{"y", log_y}}},
        [&](Inputs in, Outputs out) { backend->run(kernels::LogSoftmaxForward{.x = in[0], .y = out[0]}); });
  }
}

// The class of a logit of -infinity is ruled out: probability 0, and no NaN.
TEST_CASE("softmax and cross_entropy of logits of minus infinity") {
  const double infinity = std::numeric_limits<double>::infinity();
  const Tensor x({3, 4}, {0.5, -infinity, 1, -infinity, -infinity, -infinity, -infinity, 2, -3, 0.25, 0, 1});
  Tensor y(x.shape), log_y(x.shape);
  for (std::int64_t row = 0; row < 3; ++row) {
    double sum = 0;
    for (std::int64_t c = 0; c < 4; ++c) sum += std::exp(x[4 * row + c]);
    for (std::int64_t c = 0; c < 4; ++c) {
      y[4 * row + c] = std::exp(x[4 * row + c]) / sum;
      log_y[4 * row + c] = x[4 * row + c] - std::log(sum);
    }
  }
  const Expected expected{y, DType::f32, Arithmetic::transcendental, 1, 1};
  const Expected expected_log{log_y, DType::f32, Arithmetic::transcendental, 1, 1};
  const Tensor labels({3}, {2.0, 3.0, 1.0});
  const Tensor loss(Shape{}, -(log_y[2] + log_y[7] + log_y[9]) / 3);
  for (Backend* backend : test_backends()) {
    check_operation(
        {*backend, "softmax_forward with -infinity", {{"x", x}}, {{"y", expected}}},
        [&](Inputs in, Outputs out) { backend->run(kernels::SoftmaxForward{.x = in[0], .y = out[0]}); });
    check_operation(
        {*backend, "log_softmax_forward with -infinity", {{"x", x}}, {{"y", expected_log}}},
        [&](Inputs in, Outputs out) { backend->run(kernels::LogSoftmaxForward{.x = in[0], .y = out[0]}); });
    check_operation(
        {*backend,
         "cross_entropy_forward with -infinity",
         {{"logits", x}, {"labels", labels, Layout::contiguous, DType::i64}},
         {{"loss", {loss, DType::f32, Arithmetic::transcendental}}, {"log_probabilities", expected_log}}},
        [&](Inputs in, Outputs out) {
          backend->run(kernels::CrossEntropyForward{
              .logits = in[0], .labels = in[1], .loss = out[0], .log_probabilities = out[1]});
        });
  }
}
