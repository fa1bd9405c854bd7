#include "tests/reference/softmax.h"

#include <catch2/catch.hpp>

#include "tests/kernels/cases.h"
#include "tests/kernels/harness.h"
#include "tests/kernels/logits.h"
#include "tests/reference/log_softmax.h"

using namespace xr;
using namespace xr::tests;

namespace {

/// The gradient is a difference of numbers of the size of y dy.
Expected gradient(const Tensor& values, const RowsCase& c, double magnitude) {
  return {values, DType::f32, Arithmetic::reduction, static_cast<double>(c.classes), magnitude};
}

}  // namespace

TEST_CASE("softmax forward and backward") {
  for (const RowsCase& c : rows_cases()) {
    const Tensor x = spiked_logits(c, 1), dy = random_normal(x.shape, 2);
    const Expected expected{reference::softmax_forward(x), DType::f32, Arithmetic::transcendental};
    const Tensor y = to_single(expected.values);
    const Expected dx = gradient(reference::softmax_backward(y, dy), c, reference::root_mean_square(y));
    const std::string what = fmt::format("{} with spike {}", x.shape.to_string(), c.spike);
    for (Backend* backend : test_backends()) {
      check_operation({*backend, "softmax_forward of " + what, {{"x", x}}, {{"y", expected}}},
                      [&](Inputs in, Outputs out) { backend->softmax_forward(in[0], out[0]); });
      check_gradient({*backend, "softmax_backward of " + what, {{"y", y}, {"dy", dy}}, {{"dx", dx}}},
                     [&](Inputs in, Outputs out, GradientWrite write) {
                       backend->softmax_backward(in[0], in[1], out[0], write);
                     });
    }
  }
}

TEST_CASE("log_softmax forward and backward") {
  for (const RowsCase& c : rows_cases()) {
    const Tensor x = spiked_logits(c, 1), dy = random_normal(x.shape, 2);
    Expected expected{reference::log_softmax_forward(x), DType::f32, Arithmetic::transcendental};
    expected.magnitude = reference::root_mean_square(x);
    const Tensor y = to_single(expected.values);
    const Expected dx = gradient(reference::log_softmax_backward(y, dy), c, 1);
    const std::string what = fmt::format("{} with spike {}", x.shape.to_string(), c.spike);
    for (Backend* backend : test_backends()) {
      check_operation({*backend, "log_softmax_forward of " + what, {{"x", x}}, {{"y", expected}}},
                      [&](Inputs in, Outputs out) { backend->log_softmax_forward(in[0], out[0]); });
      check_gradient({*backend, "log_softmax_backward of " + what, {{"y", y}, {"dy", dy}}, {{"dx", dx}}},
                     [&](Inputs in, Outputs out, GradientWrite write) {
                       backend->log_softmax_backward(in[0], in[1], out[0], write);
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
    check_operation({*backend, "softmax_forward of large logits", {{"x", x}}, {{"y", y}}},
                    [&](Inputs in, Outputs out) { backend->softmax_forward(in[0], out[0]); });
    check_operation({*backend, "log_softmax_forward of large logits", {{"x", x}}, {{"y", log_y}}},
                    [&](Inputs in, Outputs out) { backend->log_softmax_forward(in[0], out[0]); });
  }
}
