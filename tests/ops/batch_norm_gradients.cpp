#include "tests/ops/batch_norm_gradients.h"

#include <fmt/core.h>

#include <cmath>

#include "engine/ops/batch_norm2d.h"
#include "tests/reference/elementwise.h"

namespace xr::tests {

namespace {

using reference::random_distinct;
using reference::random_normal;

reference::Tensor positive(reference::Tensor x) {
  for (double& value : x.values) value = static_cast<double>(static_cast<float>(0.5 + std::abs(value)));
  return x;
}

enum class Fused { none, relu, relu_and_pool, relu6 };

/// relu(x) - relu(x - 6)
VariablePointer relu6_of(Tape& tape, const VariablePointer& x) {
  const VariablePointer six = tape.leaf(reference::Tensor(x->value.shape, -6.0));
  return tape.add(tape.relu(x), tape.scale(tape.relu(tape.add(x, six)), -1));
}

void check_one(const GradientSink& check, const BatchNormCase& c, Layout layout, bool training, Fused fused) {
  const Shape channels{c.x[1]};
  reference::Tensor x = random_distinct(c.x, 1);
  for (double& value : x.values) value = c.mean + c.deviation * value;
  reference::Tensor gamma = positive(random_normal(channels, 2));
  for (std::int64_t i = 0; i < gamma.size(); i += 3) gamma[i] = -gamma[i];
  if (fused == Fused::relu6)
    for (double& value : gamma.values) value *= 8;  // many normalised values lie above 6
  const RunningStatistics running{to_single(random_normal(channels, 4, c.mean, 0.3 * c.deviation)),
                                  to_single(reference::broadcast_to(positive(random_normal(channels, 5)),
                                                                    c.deviation * c.deviation, channels))};
  GradientCase test;
  test.operation = fmt::format("batch_norm2d{} {}",
                               fused == Fused::none    ? ""
                               : fused == Fused::relu  ? "_relu"
                               : fused == Fused::relu6 ? "_relu6"
                                                       : "_relu_pool",
                               training ? "(train)" : "(eval)");
  // The parts of dx cancel where a channel has few values or was normalised to nothing but signs.
  const double elements = static_cast<double>(c.x.numel());
  test.operands = {activation("x", to_single(x), layout,
                              std::sqrt(elements) / std::sqrt(c.deviation * c.deviation + 1e-5)),
                   parameter("gamma", gamma), parameter("beta", to_single(random_normal(channels, 3)))};
  test.operands[1].min_norm = std::sqrt(elements);
  test.engine = [&, training, fused](EngineTensors in) {
    engine::BatchNorm2dState state{in[1], in[2], constant_beside(in[0], running.mean),
                                   constant_beside(in[0], running.variance), c.params};
    if (fused == Fused::none) return engine::batch_norm2d(in[0], state, training);
    if (fused == Fused::relu6) return engine::batch_norm2d_relu6(in[0], state, training);
    return engine::batch_norm2d_relu(in[0], state, training, fused == Fused::relu_and_pool);
  };
  test.oracle = [&, training, fused](Tape& tape, Variables in) {
    RunningStatistics statistics = running;
    VariablePointer y = tape.batch_norm2d(c.params, in[0], in[1], in[2], statistics, training);
    if (fused == Fused::none) return y;
    if (fused == Fused::relu6) return relu6_of(tape, y);
    y = tape.relu(y);
    return fused == Fused::relu ? y : tape.max_pool2d({}, y);
  };
  if (fused != Fused::none) test.min_kink_distance = 1e-5;
  // Backends have one kernel for all of it in training alone.
  test.arithmetic = fused == Fused::none                         ? Arithmetic::normalised
                    : fused == Fused::relu_and_pool && !training ? Arithmetic::normalised_ties
                                                                 : Arithmetic::normalised_kinks;
  // A mean that is large beside the deviation is rounded as coarsely as x itself.
  test.growth = 1 + std::abs(c.mean) / c.deviation;
  check(test);
}

}  // namespace

void check_batch_norm2d_gradients(const GradientSink& check, const BatchNormCase& c) {
  for (const Layout layout : layouts_of(c.x))
    for (const bool training : {true, false}) check_one(check, c, layout, training, Fused::none);
}

void check_batch_norm2d_relu_gradients(const GradientSink& check, const BatchNormCase& c) {
  for (const Layout layout : layouts_of(c.x))
    for (const bool training : {true, false}) {
      check_one(check, c, layout, training, Fused::relu);
      // In evaluation the parts run, and what lies next to 6 is 6 in bf16: then the gradient ends there.
      if (training) check_one(check, c, layout, training, Fused::relu6);
      if (c.x.rank() == 4 && c.x[2] >= 2 && c.x[3] >= 2)
        check_one(check, c, layout, training, Fused::relu_and_pool);
    }
}

}  // namespace xr::tests
