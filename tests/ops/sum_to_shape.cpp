// Sums over dimensions, the backward of broadcasting; sum and mean of all elements.
#include <fmt/core.h>

#include <cmath>

#include "engine/ops/sum.h"
#include "kernels/ops/reduce.h"
#include "tests/ops/cases.h"
#include "tests/ops/operation.h"
#include "tests/ops/test_backends.h"
#include "tests/reference/elementwise.h"
#include "tests/reference/gradient_check.h"

namespace xr::tests {

namespace {

using reference::random_distinct;
using reference::random_normal;

/// The sum's type is its own: gradients of parameters are f32 whatever the activations are.
struct Types {
  DType x, y;
};

Call sum_to_shape(const Shape& x, const Shape& y, const Types& types, float scale) {
  return call_of({input("x", x, types.x), output("y", y, types.y)},
                 [scale](Views v, GradientWrite write) {
                   return kernels::SumToShape{.x = v[0], .y = v[1], .scale = scale, .write = write};
                 })
      .with(fmt::format("times {}", scale));
}

void check_types(const Checker& check, const BroadcastCase& c, float scale, const Types& types) {
  const double terms = static_cast<double>(c.a.numel()) / static_cast<double>(c.b.numel());
  // A mean that is not 0 makes rounding errors grow faster than the square root of the length.
  const Tensor x = to_type(random_normal(c.a, 1, 0.5), types.x);
  const double factor = static_cast<double>(scale);
  Expected y{reference::sum_to_shape(x, factor, c.b), types.y, Arithmetic::reduction, terms,
             factor * std::sqrt(terms)};
  if (types.y == DType::bf16) y.terms = y.magnitude = 0;  // nothing but the rounding of the sum
  for (Backend* backend : test_backends(types.y == DType::bf16 ? types.y : types.x))
    check(*backend, sum_to_shape(c.a, c.b, types, scale).holds("x", x).expects("y", y));
}

void check_sums(const Checker& check, const BroadcastCase& c) {
  for (const float scale : {1.0f, 1.0f / 3}) check_types(check, c, scale, {DType::f32, DType::f32});
  if (test_backends(DType::bf16).empty()) return;
  check_types(check, c, 1.0f / 3, {DType::f32, DType::bf16});
  check_types(check, c, 1.0f / 3, {DType::bf16, DType::f32});
  check_types(check, c, 1.0f / 3, {DType::bf16, DType::bf16});
}

void check_gradients_of(const GradientSink& check, const ShapeCase& c, bool mean) {
  const double scale = mean ? 1.0 / static_cast<double>(c.shape.numel()) : 1;
  for (const Layout layout : layouts_of(c.shape)) {
    GradientCase test;
    test.operation = mean ? "mean" : "sum";
    test.operands = {activation("x", random_distinct(c.shape, 1), layout)};
    // Positive and negative numbers cancel in a sum: its terms are those of a random walk.
    test.value_norm = std::sqrt(static_cast<double>(c.shape.numel())) *
                      reference::root_mean_square(test.operands[0].value) * scale;
    test.engine = [mean](EngineTensors in) { return mean ? engine::mean(in[0]) : engine::sum(in[0]); };
    test.oracle = [scale](Tape& tape, Variables in) { return tape.sum(in[0], scale); };
    test.arithmetic = Arithmetic::sums;
    check(test);
  }
}

void check_gradients(const GradientSink& check, const ShapeCase& c) {
  for (const bool mean : {false, true}) check_gradients_of(check, c, mean);
}

void add_benchmarks(Benchmarks& list) {
  const DType activation = list.setting.activation;
  const auto add = [&](const std::string& name, const Shape& x, const Shape& y, Values values) {
    Call call = sum_to_shape(x, y, {activation, DType::f32}, 1);
    call.operands[0].values = values;
    list.add(name, std::move(call));
  };
  for (const LinearLayer& layer : list.layers.linears)
    add(layer.name + ".backward_bias", {list.setting.batch, layer.out}, {layer.out}, Values::normal);
  const Shape& x = list.layers.features;
  const std::int64_t rows = x.numel() / x[1];
  // Positive: sums that do not cancel.
  add("all", {rows, x[1]}, {}, Values::positive);
  add("columns", {rows, x[1]}, {x[1]}, Values::positive);
  add("rows", {rows, x[1]}, {rows, 1}, Values::positive);
}

}  // namespace

Operation describe_sum_to_shape() {
  return {.name = "sum_to_shape",
          .checks = {checks_of("sum_to_shape", sum_cases(), check_sums)},
          .gradients = {gradients_of("gradcheck sum and mean", named(activation_shapes()), check_gradients)},
          .benchmarks = add_benchmarks};
}

}  // namespace xr::tests
