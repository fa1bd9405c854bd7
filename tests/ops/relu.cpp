// y = max(x, 0); NaN stays NaN.
#include "kernels/ops/relu.h"

#include <limits>

#include "engine/ops/relu.h"
#include "tests/ops/cases.h"
#include "tests/ops/operation.h"
#include "tests/ops/test_backends.h"
#include "tests/reference/gradient_check.h"
#include "tests/reference/relu.h"

namespace xr::tests {

namespace {

using reference::random_distinct;
using reference::random_normal;

Call relu_forward(const Shape& shape, DType dtype, Layout layout) {
  return call_of({input("x", shape, dtype, layout), output("y", shape, dtype, layout)},
                 [](Views v) { return kernels::ReluForward{.x = v[0], .y = v[1]}; });
}

Call relu_forward_in_place(const Shape& shape, DType dtype, Layout layout) {
  return call_of({state("y", shape, dtype, layout)},
                 [](Views v) { return kernels::ReluForward{.x = v[0], .y = v[0]}; })
      .with("in place");
}

Call relu_backward(const Shape& shape, DType dtype, Layout layout) {
  return call_of({input("y", shape, dtype, layout), input("dy", shape, dtype, layout),
                  output("dx", shape, dtype, layout)},
                 [](Views v, GradientWrite write) {
                   return kernels::ReluBackward{.y = v[0], .dy = v[1], .dx = v[2], .write = write};
                 });
}

/// Normal numbers with zeros, NaN, infinities and the smallest and largest numbers among them.
Tensor with_special_values(const Shape& shape, std::uint64_t number, DType dtype) {
  using Limits = std::numeric_limits<float>;
  const float special[] = {0.0f,          Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity(),
                           Limits::min(), -Limits::min(),      Limits::max()};
  Tensor x = random_normal(shape, number);
  for (std::int64_t i = 3, which = 0; i < x.size(); i += 5, ++which)
    x[i] = static_cast<double>(special[which % 7]);
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
    const Tensor y = reference::relu_forward(x), dx = reference::relu_backward(y, dy);
    for (Backend* backend : test_backends(dtype)) {
      // Once is enough to see a loop over more elements than there are threads.
      if (dtype != DType::f32 && !is_fast_enough(*backend, c.shape.numel())) continue;
      for (const Layout layout : layouts_of(*backend, c.shape)) {
        check(*backend, relu_forward(c.shape, dtype, layout).holds("x", x).expects("y", {y}));
        check(*backend,
              relu_backward(c.shape, dtype, layout).holds("y", y).holds("dy", dy).expects("dx", {dx}));
      }
    }
  }
}

void check_in_place(const Checker& check, const ShapeCase& c) {
  for (const DType dtype : test_types()) {
    const Tensor x = with_special_values(c.shape, 1, dtype), y = reference::relu_forward(x);
    for (Backend* backend : test_backends(dtype)) {
      if (!is_fast_enough(*backend, c.shape.numel())) continue;
      for (const Layout layout : layouts_of(*backend, c.shape))
        check(*backend, relu_forward_in_place(c.shape, dtype, layout).holds("y", x).expects("y", {y}));
    }
  }
}

void check_gradients(const GradientSink& check, const ShapeCase& c) {
  for (const Layout layout : layouts_of(c.shape)) {
    GradientCase test;
    test.operation = "relu";
    test.operands = {activation("x", random_distinct(c.shape, 1), layout)};
    test.engine = [](EngineTensors in) { return engine::relu(in[0]); };
    test.oracle = [](Tape& tape, Variables in) { return tape.relu(in[0]); };
    check(test);
  }
}

void add_benchmarks(Benchmarks& list) {
  const DType dtype = list.setting.activation;
  for (const BatchNorm2dLayer& layer : list.layers.norms) {
    list.add(layer.name, relu_forward(layer.x, dtype, list.layout_of(layer.x)));
    list.add(layer.name, relu_backward(layer.x, dtype, list.layout_of(layer.x)));
  }
}

}  // namespace

Operation describe_relu() {
  return {.name = "relu",
          .checks = {checks_of("relu forward and backward", named(all_shapes()), check_both),
                     checks_of("relu forward in place", named(all_shapes()), check_in_place)},
          .gradients = {gradients_of("gradcheck relu", named(activation_shapes()), check_gradients)},
          .benchmarks = add_benchmarks};
}

}  // namespace xr::tests
