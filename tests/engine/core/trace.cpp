// What operations report to a trace.
#include "engine/core/trace.h"

#include "engine/core/autograd.h"
#include "engine/ops/add.h"
#include "engine/ops/batch_norm2d.h"
#include "engine/ops/conv2d.h"
#include "engine/ops/relu.h"
#include "tests/engine/support.h"

namespace xr::engine::test {

namespace {

std::vector<std::string> names_of(const Trace& trace) {
  std::vector<std::string> names;
  for (const TracedOperation& operation : trace.operations())
    if (operation.name != "reorder") names.push_back(operation.name);  // as the backend's layouts have it
  return names;
}

BatchNorm2dState norm_state() {
  return {
      random_tensor({16}, 1), random_tensor({16}, 2), random_tensor({16}, 3), Tensor::full({16}, 2.0f), {}};
}

}  // namespace

TEST_CASE("a trace lists operations with inputs, results and parameters") {
  const Tensor x = random_tensor({1, 3, 8, 8}, 1), filter = random_tensor({16, 3, 3, 3}, 2);
  const Trace trace;
  const Tensor y = conv2d(x, filter, {}, {.stride_h = 2, .extra_w = 1});
  const Tensor z = relu(y);
  REQUIRE(names_of(trace) == std::vector<std::string>{"conv2d", "relu"});
  const TracedOperation& first = trace.operations().front();
  REQUIRE(first.inputs.size() == 3);
  CHECK(first.inputs[0].state() == x.state());
  CHECK(first.inputs[1].state() == filter.state());
  CHECK_FALSE(first.inputs[2].defined());
  CHECK(first.output.state() == y.state());
  const auto params = std::get<kernels::Conv2dParams>(first.params);
  CHECK(params.stride_h == 2);
  CHECK(params.extra_w == 1);
  CHECK(trace.operations().back().output.state() == z.state());
}

TEST_CASE("a trace has the parts of a fused operation, whatever the backend fuses") {
  const Tensor x = random_tensor({1, 16, 8, 8}, 1);
  BatchNorm2dState state = norm_state();
  const NoGradGuard no_grad;
  const Tensor fused = batch_norm2d_relu(x, state, false, true);
  const Trace trace;
  const Tensor traced = batch_norm2d_relu(x, state, false, true);
  CHECK(names_of(trace) == std::vector<std::string>{"batch_norm2d", "relu", "max_pool2d"});
  CHECK(relative_error(traced, fused) <= 1e-6);
  const TracedOperation& norm = trace.operations().front();
  REQUIRE(norm.inputs.size() == 5);
  CHECK(norm.inputs[3].state() == state.running_mean.state());
  CHECK(norm.inputs[4].state() == state.running_var.state());
}

TEST_CASE("nothing is listed before and after a trace, and gradients do not change") {
  const Tensor x = random_leaf({1, 2, 4, 4}, 1);
  (void)relu(x);
  {
    const Trace trace;
    const Tensor y = relu(x);
    CHECK(y.requires_grad());
    CHECK_FALSE(relu(x.detach()).requires_grad());
    CHECK(trace.operations().size() == 2);
    CHECK(error_of([] { const Trace second; }).find("another one") != std::string::npos);
    CHECK(Trace::active());
  }
  CHECK_FALSE(Trace::active());
  const Trace trace;
  CHECK(trace.operations().empty());
}

}  // namespace xr::engine::test
