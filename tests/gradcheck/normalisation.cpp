// The operations that normalise: softmax and what is made of it, batch norm alone and fused.
#include <catch2/catch.hpp>
#include <cmath>

#include "engine/ops/batch_norm2d.h"
#include "engine/ops/cross_entropy.h"
#include "engine/ops/log_softmax.h"
#include "engine/ops/softmax.h"
#include "kernels/common/random.h"
#include "tests/gradcheck/check.h"
#include "tests/kernels/cases.h"
#include "tests/kernels/harness.h"
#include "tests/reference/elementwise.h"
#include "tests/reference/gradient_check.h"

namespace xr::gradcheck {

namespace {

using reference::random_distinct;
using reference::random_normal;
using tests::layouts_of;
using Tensors = const std::vector<engine::Tensor>&;
using Variables = const std::vector<VariablePointer>&;

reference::Tensor positive(reference::Tensor x) {
  for (double& value : x.values) value = static_cast<double>(static_cast<float>(0.5 + std::abs(value)));
  return x;
}

engine::Tensor constant(const engine::Tensor& like, const reference::Tensor& value) {
  return leaf_on(like.device(), value, Layout::contiguous).detach();
}

}  // namespace

TEST_CASE("gradcheck softmax and log_softmax and cross_entropy") {
  for (const tests::RowsCase& c : tests::rows_cases()) {
    reference::Tensor x = random_normal({c.rows, c.classes}, 1);
    std::vector<std::int64_t> labels;
    Philox random(3, 4);
    for (std::int64_t n = 0; n < c.rows; ++n) {
      labels.push_back(random.below(static_cast<std::uint32_t>(c.classes)));
      x[n * c.classes + n % c.classes] += c.spike;
    }
    // Where one probability is 1 the terms of a gradient cancel; they are of the size of the seed.
    const double terms = std::sqrt(static_cast<double>(c.rows));
    GradientCase test;
    test.description = fmt::format("{} x {}, spike {}", c.rows, c.classes, c.spike);
    test.operands = {{"x", tests::to_single(x), Layout::contiguous, terms}};
    test.arithmetic = Arithmetic::transcendental;
    test.operation = "softmax";
    test.engine = [](Tensors in) { return engine::softmax(in[0]); };
    test.oracle = [](Tape& tape, Variables in) { return tape.softmax(in[0]); };
    check_gradients(test);
    test.operation = "log_softmax";
    test.value_norm = terms;
    test.engine = [](Tensors in) { return engine::log_softmax(in[0]); };
    test.oracle = [](Tape& tape, Variables in) { return tape.log_softmax(in[0]); };
    check_gradients(test);

    const reference::Tensor weights = positive(random_normal({c.classes}, 2));
    test.operation = "cross_entropy";
    test.operands[0].min_norm = 1 / terms;
    test.value_norm = 1;
    for (const bool weighted : {false, true})
      for (const float smoothing : {0.0f, 0.1f}) {
        test.description = fmt::format("{} x {}, spike {}{}, smoothing {}", c.rows, c.classes, c.spike,
                                       weighted ? ", class weights" : "", smoothing);
        const CrossEntropyParams params{smoothing};
        test.engine = [&](Tensors in) {
          const engine::Tensor targets =
              engine::Tensor::from_host(std::span<const std::int64_t>(labels), {c.rows}, in[0].device());
          return engine::cross_entropy(in[0], targets, weighted ? constant(in[0], weights) : engine::Tensor{},
                                       params);
        };
        test.oracle = [&](Tape& tape, Variables in) {
          return tape.cross_entropy(params, in[0], labels, weighted ? &weights : nullptr);
        };
        check_gradients(test);
      }
  }
}

namespace {

enum class Fused { none, relu, relu_and_pool };

void check_batch_norm(const tests::BatchNormCase& c, Layout layout, bool training, Fused fused) {
  const Shape channels{c.x[1]};
  reference::Tensor x = random_distinct(c.x, 1);
  for (double& value : x.values) value = c.mean + c.deviation * value;
  reference::Tensor gamma = positive(random_normal(channels, 2));
  for (std::int64_t i = 0; i < gamma.size(); i += 3) gamma[i] = -gamma[i];
  const RunningStatistics running{
      tests::to_single(random_normal(channels, 4, c.mean, 0.3 * c.deviation)),
      tests::to_single(reference::broadcast_to(positive(random_normal(channels, 5)),
                                               c.deviation * c.deviation, channels))};
  GradientCase test;
  test.operation = fmt::format("batch_norm2d{} {}",
                               fused == Fused::none   ? ""
                               : fused == Fused::relu ? "_relu"
                                                      : "_relu_pool",
                               training ? "(train)" : "(eval)");
  test.description = fmt::format("{}, x {}", c.name, tests::describe(c.x, layout));
  test.operands = {{"x", tests::to_single(x), layout},
                   parameter("gamma", gamma),
                   parameter("beta", tests::to_single(random_normal(channels, 3)))};
  // The parts of dx cancel where a channel has few values or was normalised to nothing but signs.
  const double elements = static_cast<double>(c.x.numel());
  test.operands[0].min_norm = std::sqrt(elements) / std::sqrt(c.deviation * c.deviation + 1e-5);
  test.operands[1].min_norm = std::sqrt(elements);
  test.engine = [&, training](Tensors in) {
    engine::BatchNorm2dState state{in[1], in[2], constant(in[0], running.mean),
                                   constant(in[0], running.variance), c.params};
    if (fused == Fused::none) return engine::batch_norm2d(in[0], state, training);
    return engine::batch_norm2d_relu(in[0], state, training, fused == Fused::relu_and_pool);
  };
  test.oracle = [&, training](Tape& tape, Variables in) {
    RunningStatistics statistics = running;
    VariablePointer y = tape.batch_norm2d(c.params, in[0], in[1], in[2], statistics, training);
    if (fused == Fused::none) return y;
    y = tape.relu(y);
    return fused == Fused::relu ? y : tape.max_pool2d({}, y);
  };
  if (fused != Fused::none) test.min_kink_distance = 1e-5;
  // A mean that is large beside the deviation is rounded as coarsely as x itself.
  // Backends have one kernel for all of it in training alone.
  test.arithmetic = fused == Fused::none                         ? Arithmetic::normalised
                    : fused == Fused::relu_and_pool && !training ? Arithmetic::normalised_ties
                                                                 : Arithmetic::normalised_kinks;
  test.growth = 1 + std::abs(c.mean) / c.deviation;
  check_gradients(test);
}

}  // namespace

TEST_CASE("gradcheck batch_norm2d") {
  for (const tests::BatchNormCase& c : tests::batch_norm_cases()) {
    if (c.x.numel() > 100000) continue;
    for (const Layout layout : layouts_of(c.x))
      for (const bool training : {true, false}) check_batch_norm(c, layout, training, Fused::none);
  }
}

TEST_CASE("gradcheck batch_norm2d_relu with and without pooling") {
  for (const tests::BatchNormCase& c : tests::batch_norm_cases()) {
    if (c.x.numel() > 20000) continue;
    for (const Layout layout : layouts_of(c.x))
      for (const bool training : {true, false}) {
        check_batch_norm(c, layout, training, Fused::relu);
        if (c.x.rank() == 4 && c.x[2] >= 2 && c.x[3] >= 2)
          check_batch_norm(c, layout, training, Fused::relu_and_pool);
      }
  }
}

}  // namespace xr::gradcheck
