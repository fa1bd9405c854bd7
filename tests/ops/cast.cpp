// Between f32 and bf16: to nearest, ties to even.
#include "kernels/ops/cast.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/ops/cast.h"
#include "tests/ops/cases.h"
#include "tests/ops/operation.h"
#include "tests/ops/test_backends.h"
#include "tests/reference/gradient_check.h"

namespace xr::tests {

namespace {

using reference::random_distinct;
using reference::random_normal;

Call cast(const Shape& shape, DType from, DType to, Layout layout) {
  return call_of(
      {input("x", shape, from, layout), output("y", shape, to, layout)},
      [](Views v, GradientWrite write) { return kernels::Cast{.x = v[0], .y = v[1], .write = write}; });
}

bool is_same(double a, double b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

void check_pair(const Checker& check, const Shape& shape, DType from, DType to) {
  // Halfway between two bf16 numbers at every third element: ties go to the even one.
  Tensor x = with_bf16_nan(to_type(random_normal(shape, 1), from), to);
  if (from == DType::f32)
    for (std::int64_t i = 0; i < x.size(); i += 3) x[i] = 1.0 + static_cast<double>(2 * (i % 64) + 1) / 256.0;
  for (Backend* backend : test_backends()) {
    if (!is_fast_enough(*backend, shape.numel())) continue;
    for (const Layout layout : layouts_of(*backend, shape)) {
      const std::vector<Tensor> y =
          check(*backend, cast(shape, from, to, layout).holds("x", x).expects("y", {x}));
      check.that(std::ranges::equal(y.front().values, to_type(x, to).values, is_same),
                 fmt::format("{}: more than one rounding to {}", backend->name(), name_of(to)));
    }
  }
}

void check_all_pairs(const Checker& check, const ShapeCase& c) {
  for (const DType from : {DType::f32, DType::bf16})
    for (const DType to : {DType::f32, DType::bf16}) check_pair(check, c.shape, from, to);
}

struct SpecialCase {
  std::string name;
};

void check_special_values(const Checker& check, const SpecialCase& /*one*/) {
  const float values[] = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity(), std::numeric_limits<float>::max(), -0.0f};
  const double infinity = std::numeric_limits<double>::infinity();
  Tensor x(Shape{5}), y(Shape{5});
  for (std::int64_t i = 0; i < 5; ++i) x[i] = static_cast<double>(values[i]);
  y.values = {x[0], infinity, -infinity, infinity, 0.0};  // the largest float is nearer to 2^128
  for (Backend* backend : test_backends()) {
    check.overwriting(
        *backend, cast(x.shape, DType::f32, DType::bf16, Layout::contiguous).holds("x", x).expects("y", {y}));
    const kernels::ConstView integers(values, {5}, DType::i32);
    check.refuses(*backend, "i32", [&] { backend->run(kernels::Cast{.x = integers, .y = View{}}); });
  }
}

void check_gradients(const GradientSink& check, const ShapeCase& c) {
  for (const Layout layout : layouts_of(c.shape)) {
    GradientCase test;
    test.operation = "cast to bf16 and back";
    test.operands = {activation("x", random_distinct(c.shape, 1), layout)};
    test.engine = [](EngineTensors in) { return engine::cast(engine::cast(in[0], DType::bf16), DType::f32); };
    test.oracle = [](Tape& tape, Variables in) { return tape.scale(in[0], 1); };
    test.arithmetic = Arithmetic::to_bf16;
    check(test);
  }
}

void add_benchmarks(Benchmarks& list) {
  const Shape& x = list.layers.features;
  list.add("report_cnn.layer1.f32_to_bf16", cast(x, DType::f32, DType::bf16, list.layout_of(x)));
  list.add("report_cnn.layer1.bf16_to_f32", cast(x, DType::bf16, DType::f32, list.layout_of(x)));
}

}  // namespace

Operation describe_cast() {
  return {.name = "cast",
          .checks = {checks_of("cast between f32 and bf16", named(activations_and_flat_arrays()),
                               check_all_pairs),
                     checks_of("cast keeps NaN and the infinities and refuses other types",
                               std::vector{SpecialCase{"special_values"}}, check_special_values)},
          .gradients = {gradients_of("gradcheck cast", named(activation_shapes()), check_gradients)},
          .benchmarks = add_benchmarks};
}

}  // namespace xr::tests
