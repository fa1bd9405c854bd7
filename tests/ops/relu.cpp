// y = max(x, 0); NaN stays NaN.
#include "kernels/ops/relu.h"

#include <limits>

#include "engine/ops/relu.h"
#include "tests/ops/activation_cases.h"
#include "tests/reference/relu.h"

namespace xr::tests {

namespace {

using Limits = std::numeric_limits<float>;

const Activation<kernels::ReluForward, kernels::ReluBackward> activation_relu{
    reference::relu_forward,
    reference::relu_backward,
    {0.0f, Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity(), Limits::min(), -Limits::min(),
     Limits::max()}};

void check_gradients(const GradientSink& check, const ShapeCase& c) {
  for (const Layout layout : layouts_of(c.shape)) {
    GradientCase test;
    test.operation = "relu";
    test.operands = {activation("x", reference::random_distinct(c.shape, 1), layout)};
    test.engine = [](EngineTensors in) { return engine::relu(in[0]); };
    test.oracle = [](Tape& tape, Variables in) { return tape.relu(in[0]); };
    check(test);
  }
}

}  // namespace

Operation describe_relu() {
  return {.name = "relu",
          .checks = activation_relu.checks("relu"),
          .gradients = {gradients_of("gradcheck relu", named(activation_shapes()), check_gradients)},
          .benchmarks = activation_relu.add_benchmarks};
}

}  // namespace xr::tests
