// y = min(max(x, 0), 6); NaN stays NaN.
#include "kernels/ops/relu6.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/ops/relu6.h"
#include "tests/ops/cases.h"
#include "tests/ops/operation.h"
#include "tests/ops/test_backends.h"
#include "tests/reference/gradient_check.h"

namespace xr::tests {

namespace {

using reference::random_distinct;
using reference::random_normal;

Call forward(const Shape& shape, DType dtype, Layout layout) {
  return call_of({input("x", shape, dtype, layout), output("y", shape, dtype, layout)},
                 [](Views v) { return kernels::Relu6Forward{.x = v[0], .y = v[1]}; });
}

Call forward_in_place(const Shape& shape, DType dtype, Layout layout) {
  return call_of({state("y", shape, dtype, layout)},
                 [](Views v) { return kernels::Relu6Forward{.x = v[0], .y = v[0]}; })
      .with("in place");
}

Call backward(const Shape& shape, DType dtype, Layout layout) {
  return call_of({input("y", shape, dtype, layout), input("dy", shape, dtype, layout),
                  output("dx", shape, dtype, layout)},
                 [](Views v, GradientWrite write) {
                   return kernels::Relu6Backward{.y = v[0], .dy = v[1], .dx = v[2], .write = write};
                 });
}

Tensor oracle_forward(Tensor x) {
  for (double& value : x.values) {
    if (value < 0) value = 0;
    if (value > 6) value = 6;
  }
  return x;
}

Tensor oracle_backward(const Tensor& y, Tensor dy) {
  for (std::int64_t i = 0; i < y.size(); ++i)
    if (!(y[i] > 0 && y[i] < 6)) dy[i] = 0;
  return dy;
}

/// Numbers around 0 and 6 with these, their neighbours, NaN and infinities among them.
Tensor with_special_values(const Shape& shape, std::uint64_t number, DType dtype) {
  using Limits = std::numeric_limits<float>;
  const float special[] = {0.0f,
                           Limits::quiet_NaN(),
                           Limits::infinity(),
                           -Limits::infinity(),
                           Limits::min(),
                           -Limits::min(),
                           Limits::max(),
                           6.0f,
                           5.96875f,
                           6.03125f};
  Tensor x = random_normal(shape, number);
  for (double& value : x.values) value *= 4;
  for (std::int64_t i = 3, which = 0; i < x.size(); i += 5, ++which)
    x[i] = static_cast<double>(special[which % 10]);
  return to_type(x, dtype);
}

std::vector<Shape> all_shapes() {
  std::vector<Shape> shapes = activations_and_flat_arrays();
  shapes.push_back({60, 600});
  shapes.push_back({large_activation.numel() + 1});
  return shapes;
}

void check_both(const Checker& check, const ShapeCase& c) {
  for (const DType dtype : test_types()) {
    const Tensor x = with_special_values(c.shape, 1, dtype),
                 dy = with_bf16_nan(to_type(random_normal(c.shape, 2), dtype), dtype);
    const Tensor y = oracle_forward(x), dx = oracle_backward(y, dy);
    for (Backend* backend : test_backends(dtype)) {
      // Once is enough to see a loop over more elements than there are threads.
      if (dtype != DType::f32 && !is_fast_enough(*backend, c.shape.numel())) continue;
      for (const Layout layout : layouts_of(*backend, c.shape)) {
        check(*backend, forward(c.shape, dtype, layout).holds("x", x).expects("y", {y}));
        check(*backend, backward(c.shape, dtype, layout).holds("y", y).holds("dy", dy).expects("dx", {dx}));
      }
    }
  }
}

void check_in_place(const Checker& check, const ShapeCase& c) {
  for (const DType dtype : test_types()) {
    const Tensor x = with_special_values(c.shape, 1, dtype), y = oracle_forward(x);
    for (Backend* backend : test_backends(dtype)) {
      if (!is_fast_enough(*backend, c.shape.numel())) continue;
      for (const Layout layout : layouts_of(*backend, c.shape))
        check(*backend, forward_in_place(c.shape, dtype, layout).holds("y", x).expects("y", {y}));
    }
  }
}

/// Numbers that bf16 holds, at least 0.25 from 0 and from 6.
Tensor around_both_kinks(const Shape& shape) {
  Tensor x = random_distinct(shape, 1);
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

void add_benchmarks(Benchmarks& list) {
  const DType dtype = list.setting.activation;
  for (const BatchNorm2dLayer& layer : list.layers.norms) {
    list.add(layer.name, forward(layer.x, dtype, list.layout_of(layer.x)));
    list.add(layer.name, backward(layer.x, dtype, list.layout_of(layer.x)));
  }
}

}  // namespace

Operation describe_relu6() {
  return {.name = "relu6",
          .checks = {checks_of("relu6 forward and backward", named(all_shapes()), check_both),
                     checks_of("relu6 forward in place", named(all_shapes()), check_in_place)},
          .gradients = {gradients_of("gradcheck relu6", named(activation_shapes()), check_gradients)},
          .benchmarks = add_benchmarks};
}

}  // namespace xr::tests
