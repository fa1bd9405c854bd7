// y = min(max(x, 0), 6); NaN stays NaN.
#include "kernels/ops/relu6.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/ops/relu6.h"
#include "tests/ops/activation_cases.h"
#include "tests/reference/relu6.h"

namespace xr::tests {

namespace {

using Limits = std::numeric_limits<float>;

/// Numbers around 0 and 6; these two with their neighbours, NaN and infinities among them.
const Activation<kernels::Relu6Forward, kernels::Relu6Backward> activation_relu6{
    reference::relu6_forward,
    reference::relu6_backward,
    {0.0f, Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity(), Limits::min(), -Limits::min(),
     Limits::max(), 6.0f, 5.96875f, 6.03125f},
    4};

/// Numbers that bf16 holds, at least 0.25 from 0 and from 6.
Tensor around_both_kinks(const Shape& shape) {
  Tensor x = reference::random_distinct(shape, 1);
  for (double& value : x.values) value = std::clamp(std::floor(16 * value) / 2, -20.0, 20.0) + 0.25;
  return x;
}

void check_gradients(const GradientSink& check, const ShapeCase& c) {
  for (const Layout layout : layouts_of(c.shape)) {
    GradientCase test;
    test.operation = "relu6";
    test.operands = {activation("x", around_both_kinks(c.shape), layout)};
    test.engine = [](EngineTensors in) { return engine::relu6(in[0]); };
    // relu(x) - relu(x - 6)
    test.oracle = [](Tape& tape, Variables in) {
      Tensor six(in[0]->value.shape);
      for (double& value : six.values) value = -6;
      const VariablePointer above = tape.relu(tape.add(in[0], tape.leaf(six)));
      return tape.add(tape.relu(in[0]), tape.scale(above, -1));
    };
    check(test);
  }
}

}  // namespace

Operation describe_relu6() {
  return {.name = "relu6",
          .checks = activation_relu6.checks("relu6"),
          .gradients = {gradients_of("gradcheck relu6", named(activation_shapes()), check_gradients)},
          .benchmarks = activation_relu6.add_benchmarks};
}

}  // namespace xr::tests
