// Every differentiable operation of the engine, at the shapes of the kernel tests.
#include <catch2/catch.hpp>

#include "engine/ops/add.h"
#include "engine/ops/avg_pool2d.h"
#include "engine/ops/batch_norm2d.h"
#include "engine/ops/conv2d.h"
#include "engine/ops/cross_entropy.h"
#include "engine/ops/dropout.h"
#include "engine/ops/global_avg_pool2d.h"
#include "engine/ops/linear.h"
#include "engine/ops/log_softmax.h"
#include "engine/ops/matmul.h"
#include "engine/ops/max_pool2d.h"
#include "engine/ops/mul.h"
#include "engine/ops/relu.h"
#include "engine/ops/reorder.h"
#include "engine/ops/reshape.h"
#include "engine/ops/softmax.h"
#include "engine/ops/sum.h"
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

// Tolerances of the relative norm of errors in f32 (unit roundoff 6e-8), by the kind of arithmetic.
constexpr double elementwise = 1.5e-7;  // a few roundings per element
constexpr double transcendental = 2e-7;
constexpr double sums = 2e-7;       // pairwise or in double
constexpr double reduction = 1e-6;  // sums of up to some thousand products
constexpr double normalised = 6e-7;

// The float64 oracle takes some 5 ns for a product, and a case takes ten of its runs.
constexpr std::int64_t most_flops = 4000000;

std::string described(const Shape& shape, Layout layout) {
  return tests::describe(shape, layout);
}

reference::Tensor positive(reference::Tensor x) {
  for (double& value : x.values) value = static_cast<double>(static_cast<float>(0.5 + std::abs(value)));
  return x;
}

engine::Tensor constant(const engine::Tensor& like, const reference::Tensor& value) {
  return leaf_on(like.device(), value, Layout::contiguous).detach();
}

}  // namespace

TEST_CASE("gradcheck conv2d") {
  for (const tests::Conv2dCase& c : tests::conv2d_cases()) {
    if (c.flops() > most_flops) continue;
    for (const Layout layout : layouts_of(c.x)) {
      GradientCase test;
      test.operation = "conv2d";
      test.description = fmt::format("{}, x {}", c.name, described(c.x, layout));
      test.operands = {{"x", random_normal(c.x, 1), layout}, {"filter", random_normal(c.filter, 2)}};
      if (c.bias) test.operands.push_back({"bias", random_normal({c.filter[0]}, 3)});
      test.engine = [&](Tensors in) {
        return engine::conv2d(in[0], in[1], c.bias ? in[2] : engine::Tensor{}, c.params);
      };
      test.oracle = [&](Tape& tape, Variables in) {
        return tape.conv2d(c.params, in[0], in[1], c.bias ? in[2] : nullptr);
      };
      test.tolerance = reduction;
      check_gradients(test);
    }
  }
}

TEST_CASE("gradcheck max_pool2d") {
  for (const tests::Pool2dCase& c : tests::pool2d_cases())
    for (const Layout layout : layouts_of(c.x)) {
      GradientCase test;
      test.operation = "max_pool2d";
      test.description = fmt::format("{}, x {}", c.name, described(c.x, layout));
      test.operands = {{"x", random_distinct(c.x, 1), layout}};
      test.engine = [&](Tensors in) { return engine::max_pool2d(in[0], c.params); };
      test.oracle = [&](Tape& tape, Variables in) { return tape.max_pool2d(c.params, in[0]); };
      test.tolerance = c.overlapping() ? reduction : elementwise;
      check_gradients(test);
    }
}

TEST_CASE("gradcheck avg_pool2d") {
  for (const tests::Pool2dCase& c : tests::pool2d_cases())
    for (const Layout layout : layouts_of(c.x)) {
      GradientCase test;
      test.operation = "avg_pool2d";
      test.description = fmt::format("{}, x {}", c.name, described(c.x, layout));
      test.operands = {{"x", random_normal(c.x, 1), layout}};
      test.engine = [&](Tensors in) { return engine::avg_pool2d(in[0], c.params); };
      test.oracle = [&](Tape& tape, Variables in) { return tape.avg_pool2d(c.params, in[0]); };
      test.tolerance = reduction;
      check_gradients(test);
    }
}

TEST_CASE("gradcheck operations on activations") {
  struct Unary {
    const char* name;
    engine::Tensor (*engine)(const engine::Tensor&);
    VariablePointer (*oracle)(Tape&, const VariablePointer&);
    double tolerance;
  };
  const Unary operations[] = {
      {"global_avg_pool2d", [](const engine::Tensor& x) { return engine::global_avg_pool2d(x); },
       [](Tape& tape, const VariablePointer& x) { return tape.global_avg_pool2d(x); }, sums},
      {"relu", [](const engine::Tensor& x) { return engine::relu(x); },
       [](Tape& tape, const VariablePointer& x) { return tape.relu(x); }, elementwise},
      {"mul by a number", [](const engine::Tensor& x) { return engine::mul(x, -1.7f); },
       [](Tape& tape, const VariablePointer& x) { return tape.scale(x, static_cast<double>(-1.7f)); },
       elementwise},
      {"flatten", [](const engine::Tensor& x) { return engine::flatten(x); },
       [](Tape& tape, const VariablePointer& x) {
         return tape.reshape(x, {x->value.shape[0], x->value.size() / x->value.shape[0]});
       },
       elementwise},
      {"reshape",
       [](const engine::Tensor& x) {
         return engine::reshape(x, {-1, x.dim(3)});
       },
       [](Tape& tape, const VariablePointer& x) {
         return tape.reshape(x, {x->value.size() / x->value.shape[3], x->value.shape[3]});
       },
       elementwise},
      {"reorder to contiguous",
       [](const engine::Tensor& x) { return engine::reorder(x, Layout::contiguous); },
       [](Tape& tape, const VariablePointer& x) { return tape.scale(x, 1); }, elementwise},
      {"reorder to channels_last",
       [](const engine::Tensor& x) { return engine::reorder(x, Layout::channels_last); },
       [](Tape& tape, const VariablePointer& x) { return tape.scale(x, 1); }, elementwise},
      {"sum", [](const engine::Tensor& x) { return engine::sum(x); },
       [](Tape& tape, const VariablePointer& x) { return tape.sum(x, 1); }, sums},
      {"mean", [](const engine::Tensor& x) { return engine::mean(x); },
       [](Tape& tape, const VariablePointer& x) {
         return tape.sum(x, 1.0 / static_cast<double>(x->value.size()));
       },
       sums},
  };
  for (const Unary& operation : operations)
    for (const Shape& shape : tests::activation_shapes())
      for (const Layout layout : layouts_of(shape)) {
        GradientCase test;
        test.operation = operation.name;
        test.description = "x " + described(shape, layout);
        test.operands = {{"x", random_distinct(shape, 1), layout}};
        // Positive and negative numbers cancel in a sum: its terms are those of a random walk.
        const double terms = norm_of(test.operands[0].value);
        const std::string name = operation.name;
        test.value_norm = name == "sum"    ? terms
                          : name == "mean" ? terms / static_cast<double>(shape.numel())
                                           : 0;
        test.engine = [&](Tensors in) { return operation.engine(in[0]); };
        test.oracle = [&](Tape& tape, Variables in) { return operation.oracle(tape, in[0]); };
        test.tolerance = operation.tolerance;
        check_gradients(test);
      }
}

TEST_CASE("gradcheck reorder to blocked16") {
  for (const Shape& shape : {Shape{1, 16, 1, 1}, Shape{3, 32, 9, 4}})
    for (const Layout layout : layouts_of(shape)) {
      GradientCase test;
      test.operation = "reorder to blocked16";
      test.description = "x " + described(shape, layout);
      test.operands = {{"x", random_normal(shape, 1), layout}};
      test.result_layout = Layout::blocked16;
      test.engine = [](Tensors in) { return engine::reorder(in[0], Layout::blocked16); };
      test.oracle = [](Tape& tape, Variables in) { return tape.scale(in[0], 1); };
      test.tolerance = elementwise;
      check_gradients(test);
    }
}

TEST_CASE("gradcheck dropout") {
  for (const bool whole_channels : {false, true})
    for (const Shape& shape : tests::activation_shapes())
      for (const Layout layout : layouts_of(shape)) {
        DropoutParams params;
        params.probability = 0.25f;
        params.whole_channels = whole_channels;
        params.seed = 5;
        params.stream = 7;
        params.offset = std::uint64_t{3} << 32;
        GradientCase test;
        test.operation = whole_channels ? "dropout of whole channels" : "dropout";
        test.description = "x " + described(shape, layout);
        test.operands = {{"x", random_normal(shape, 1), layout, 1e-30}};
        test.value_norm = 1e-30;  // all may be dropped
        test.engine = [&](Tensors in) { return engine::dropout(in[0], params); };
        test.oracle = [&](Tape& tape, Variables in) { return tape.dropout(params, in[0]); };
        test.tolerance = elementwise;
        check_gradients(test);
      }
}

TEST_CASE("gradcheck add and mul with broadcasting") {
  for (const tests::BroadcastCase& c : tests::broadcast_cases()) {
    GradientCase test;
    test.description = fmt::format("{} and {}", c.a.to_string(), c.b.to_string());
    // The gradient of what was broadcast is a sum, whose terms are those of a random walk.
    const double terms = std::sqrt(static_cast<double>(reference::broadcast_shape(c.a, c.b).numel()));
    test.operands = {{"a", random_normal(c.a, 1), Layout::contiguous, terms},
                     {"b", random_normal(c.b, 2), Layout::contiguous, terms}};
    test.operation = "add";
    test.engine = [](Tensors in) { return engine::add(in[0], in[1]); };
    test.oracle = [](Tape& tape, Variables in) { return tape.add(in[0], in[1]); };
    test.tolerance = sums;
    check_gradients(test);
    test.operation = "mul";
    test.engine = [](Tensors in) { return engine::mul(in[0], in[1]); };
    test.oracle = [](Tape& tape, Variables in) { return tape.multiply(in[0], in[1]); };
    check_gradients(test);
  }
}

TEST_CASE("gradcheck add and mul of two layouts") {
  const Shape shape{2, 32, 5, 3};
  for (const Layout a : layouts_of(shape))
    for (const Layout b : layouts_of(shape)) {
      GradientCase test;
      test.description = fmt::format("{} and {}", described(shape, a), name_of(b));
      test.operands = {{"a", random_normal(shape, 1), a}, {"b", random_normal(shape, 2), b}};
      test.tolerance = sums;
      test.operation = "add";
      test.engine = [](Tensors in) { return engine::add(in[0], in[1]); };
      test.oracle = [](Tape& tape, Variables in) { return tape.add(in[0], in[1]); };
      check_gradients(test);
      test.operation = "mul";
      test.engine = [](Tensors in) { return engine::mul(in[0], in[1]); };
      test.oracle = [](Tape& tape, Variables in) { return tape.multiply(in[0], in[1]); };
      check_gradients(test);
    }
}

TEST_CASE("gradcheck matmul and linear") {
  for (const tests::MatmulCase& c : tests::matmul_cases()) {
    if (c.flops() > 2 * most_flops) continue;
    GradientCase test;
    test.operation = "matmul";
    test.description = fmt::format("{} x {} times {} x {}", c.m, c.k, c.k, c.n);
    test.operands = {{"a", random_normal({c.m, c.k}, 1)}, {"b", random_normal({c.k, c.n}, 2)}};
    test.engine = [](Tensors in) { return engine::matmul(in[0], in[1]); };
    test.oracle = [](Tape& tape, Variables in) { return tape.matmul(in[0], in[1]); };
    test.tolerance = reduction;
    check_gradients(test);
    for (const bool bias : {true, false}) {
      test.operation = "linear";
      test.description = fmt::format("{} rows, {} to {}{}", c.m, c.k, c.n, bias ? "" : ", no bias");
      test.operands = {{"x", random_normal({c.m, c.k}, 1)}, {"weight", random_normal({c.n, c.k}, 2)}};
      if (bias) test.operands.push_back({"bias", random_normal({c.n}, 3)});
      test.engine = [&](Tensors in) { return engine::linear(in[0], in[1], bias ? in[2] : engine::Tensor{}); };
      test.oracle = [&](Tape& tape, Variables in) {
        return tape.linear(in[0], in[1], bias ? in[2] : nullptr);
      };
      check_gradients(test);
    }
  }
}

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
    test.tolerance = transcendental;
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
    test.operands[0].least_norm = 1 / terms;
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
  test.description = fmt::format("{}, x {}", c.name, described(c.x, layout));
  test.operands = {{"x", tests::to_single(x), layout},
                   {"gamma", gamma},
                   {"beta", tests::to_single(random_normal(channels, 3))}};
  // The parts of dx cancel where a channel has few values or was normalised to nothing but signs.
  const double elements = static_cast<double>(c.x.numel());
  test.operands[0].least_norm = std::sqrt(elements) / std::sqrt(c.deviation * c.deviation + 1e-5);
  test.operands[1].least_norm = std::sqrt(elements);
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
  if (fused != Fused::none) test.least_kink_distance = 1e-5;
  // A mean that is large beside the deviation is rounded as coarsely as x itself.
  test.tolerance = normalised * (1 + std::abs(c.mean) / c.deviation);
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
