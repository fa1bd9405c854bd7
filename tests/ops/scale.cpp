// y = factor x.
#include <fmt/core.h>

#include "engine/ops/mul.h"
#include "kernels/ops/elementwise.h"
#include "tests/ops/elementwise_cases.h"

namespace xr::tests {

namespace {

using reference::random_distinct;
using reference::random_normal;

Call scale(const Shape& shape, DType dtype, Layout layout, float factor) {
  return call_of({input("x", shape, dtype, layout), output("y", shape, dtype, layout)},
                 [factor](Views v, GradientWrite write) {
                   return kernels::Scale{.x = v[0], .y = v[1], .factor = factor, .write = write};
                 })
      .with(fmt::format("by {}", factor));
}

void check_factors(const Checker& check, const ShapeCase& c) {
  for (const DType dtype : test_types())
    for (Backend* backend : test_backends(dtype)) {
      if (!takes_shape(*backend, c.shape)) continue;
      for (const float factor : {-0.3f, 1.0f, 0.0f}) {
        if (c.shape.numel() > large_activation.numel() && factor >= 0) continue;
        const Tensor x = with_bf16_nan(to_type(random_normal(c.shape, 1), dtype), dtype);
        Tensor y = x;
        for (double& value : y.values) value *= static_cast<double>(factor);
        for (const Layout layout : layouts_of(*backend, c.shape))
          check(*backend, scale(c.shape, dtype, layout, factor)
                              .holds("x", x)
                              .expects("y", {y, dtype, Arithmetic::elementwise}));
      }
    }
}

void check_gradients(const GradientSink& check, const ShapeCase& c) {
  for (const Layout layout : layouts_of(c.shape)) {
    GradientCase test;
    test.operation = "mul by a number";
    test.operands = {activation("x", random_distinct(c.shape, 1), layout)};
    test.engine = [](EngineTensors in) { return engine::mul(in[0], -1.7f); };
    test.oracle = [](Tape& tape, Variables in) { return tape.scale(in[0], static_cast<double>(-1.7f)); };
    check(test);
  }
}

void add_benchmarks(Benchmarks& list) {
  const Shape& x = list.layers.features;
  list.add("report_cnn.layer1", scale(x, list.setting.activation, list.layout_of(x), 0.75f));
}

}  // namespace

Operation describe_scale() {
  return {
      .name = "scale",
      .checks = {checks_of("scale", named(elementwise_shapes()), check_factors)},
      .gradients = {gradients_of("gradcheck mul by a number", named(activation_shapes()), check_gradients)},
      .benchmarks = add_benchmarks};
}

}  // namespace xr::tests
