// Every differentiable operation of the engine but those of normalisation.cpp, at the shapes of the kernel
// tests.
#include <catch2/catch.hpp>

#include "engine/ops/add.h"
#include "engine/ops/avg_pool2d.h"
#include "engine/ops/cast.h"
#include "engine/ops/conv2d.h"
#include "engine/ops/dropout.h"
#include "engine/ops/global_avg_pool2d.h"
#include "engine/ops/linear.h"
#include "engine/ops/matmul.h"
#include "engine/ops/max_pool2d.h"
#include "engine/ops/mul.h"
#include "engine/ops/relu.h"
#include "engine/ops/reorder.h"
#include "engine/ops/reshape.h"
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

// The float64 oracle takes some 5 ns for a product, and a case takes ten of its runs.
#if defined(XR_SANITIZED)
constexpr std::int64_t max_flops = 400000;
#else
constexpr std::int64_t max_flops = 4000000;
#endif

std::string described(const Shape& shape, Layout layout) {
  return tests::describe(shape, layout);
}

}  // namespace

TEST_CASE("gradcheck conv2d") {
  for (const tests::Conv2dCase& c : tests::conv2d_cases()) {
    if (c.flops() > max_flops) continue;
    for (const Layout layout : layouts_of(c.x)) {
      GradientCase test;
      test.operation = "conv2d";
      test.description = fmt::format("{}, x {}", c.name, described(c.x, layout));
      test.operands = {{"x", random_normal(c.x, 1), layout}, parameter("filter", random_normal(c.filter, 2))};
      if (c.bias) test.operands.push_back(parameter("bias", random_normal({c.filter[0]}, 3)));
      test.engine = [&](Tensors in) {
        return engine::conv2d(in[0], in[1], c.bias ? in[2] : engine::Tensor{}, c.params);
      };
      test.oracle = [&](Tape& tape, Variables in) {
        return tape.conv2d(c.params, in[0], in[1], c.bias ? in[2] : nullptr);
      };
      test.arithmetic = Arithmetic::products;
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
      test.arithmetic = c.overlapping() ? Arithmetic::reduction : Arithmetic::elementwise;
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
      test.arithmetic = Arithmetic::reduction;
      check_gradients(test);
    }
}

TEST_CASE("gradcheck operations on activations") {
  struct Unary {
    const char* name;
    engine::Tensor (*engine)(const engine::Tensor&);
    VariablePointer (*oracle)(Tape&, const VariablePointer&);
    Arithmetic arithmetic;
  };
  const Unary operations[] = {
      {"global_avg_pool2d", [](const engine::Tensor& x) { return engine::global_avg_pool2d(x); },
       [](Tape& tape, const VariablePointer& x) { return tape.global_avg_pool2d(x); }, Arithmetic::sums},
      {"relu", [](const engine::Tensor& x) { return engine::relu(x); },
       [](Tape& tape, const VariablePointer& x) { return tape.relu(x); }, Arithmetic::elementwise},
      {"mul by a number", [](const engine::Tensor& x) { return engine::mul(x, -1.7f); },
       [](Tape& tape, const VariablePointer& x) { return tape.scale(x, static_cast<double>(-1.7f)); },
       Arithmetic::elementwise},
      {"cast to bf16 and back",
       [](const engine::Tensor& x) { return engine::cast(engine::cast(x, DType::bf16), DType::f32); },
       [](Tape& tape, const VariablePointer& x) { return tape.scale(x, 1); }, Arithmetic::to_bf16},
      {"flatten", [](const engine::Tensor& x) { return engine::flatten(x); },
       [](Tape& tape, const VariablePointer& x) {
         return tape.reshape(x, {x->value.shape[0], x->value.size() / x->value.shape[0]});
       },
       Arithmetic::elementwise},
      {"reshape",
       [](const engine::Tensor& x) {
         return engine::reshape(x, {-1, x.dim(3)});
       },
       [](Tape& tape, const VariablePointer& x) {
         return tape.reshape(x, {x->value.size() / x->value.shape[3], x->value.shape[3]});
       },
       Arithmetic::elementwise},
      {"reorder to contiguous",
       [](const engine::Tensor& x) { return engine::reorder(x, Layout::contiguous); },
       [](Tape& tape, const VariablePointer& x) { return tape.scale(x, 1); }, Arithmetic::elementwise},
      {"reorder to channels_last",
       [](const engine::Tensor& x) { return engine::reorder(x, Layout::channels_last); },
       [](Tape& tape, const VariablePointer& x) { return tape.scale(x, 1); }, Arithmetic::elementwise},
      {"sum", [](const engine::Tensor& x) { return engine::sum(x); },
       [](Tape& tape, const VariablePointer& x) { return tape.sum(x, 1); }, Arithmetic::sums},
      {"mean", [](const engine::Tensor& x) { return engine::mean(x); },
       [](Tape& tape, const VariablePointer& x) {
         return tape.sum(x, 1.0 / static_cast<double>(x->value.size()));
       },
       Arithmetic::sums},
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
        test.arithmetic = operation.arithmetic;
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
      test.arithmetic = Arithmetic::elementwise;
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
        test.arithmetic = Arithmetic::elementwise;
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
    test.arithmetic = Arithmetic::sums;
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
      test.arithmetic = Arithmetic::sums;
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
    if (c.flops() > 2 * max_flops) continue;
    GradientCase test;
    test.operation = "matmul";
    test.description = fmt::format("{} x {} times {} x {}", c.m, c.k, c.k, c.n);
    test.operands = {{"a", random_normal({c.m, c.k}, 1)}, {"b", random_normal({c.k, c.n}, 2)}};
    test.engine = [](Tensors in) { return engine::matmul(in[0], in[1]); };
    test.oracle = [](Tape& tape, Variables in) { return tape.matmul(in[0], in[1]); };
    test.arithmetic = Arithmetic::products;
    check_gradients(test);
    for (const bool bias : {true, false}) {
      test.operation = "linear";
      test.description = fmt::format("{} rows, {} to {}{}", c.m, c.k, c.n, bias ? "" : ", no bias");
      test.operands = {{"x", random_normal({c.m, c.k}, 1)},
                       parameter("weight", random_normal({c.n, c.k}, 2))};
      if (bias) test.operands.push_back(parameter("bias", random_normal({c.n}, 3)));
      test.engine = [&](Tensors in) { return engine::linear(in[0], in[1], bias ? in[2] : engine::Tensor{}); };
      test.oracle = [&](Tape& tape, Variables in) {
        return tape.linear(in[0], in[1], bias ? in[2] : nullptr);
      };
      check_gradients(test);
    }
  }
}

}  // namespace xr::gradcheck
