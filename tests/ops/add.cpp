// y = a + b with NumPy's broadcasting.
#include "engine/ops/add.h"
#include "kernels/ops/elementwise.h"
#include "tests/ops/elementwise_cases.h"

namespace xr::tests {

namespace {

Call add(const Shape& a, const Shape& b, DType dtype, Layout layout) {
  return call_of({input("a", a, dtype, layout), input("b", b, dtype, layout),
                  output("y", reference::broadcast_shape(a, b), dtype, layout)},
                 [](Views v) { return kernels::Add{.a = v[0], .b = v[1], .y = v[2]}; });
}

void add_benchmarks(Benchmarks& list) {
  const Shape& x = list.layers.features;
  list.add("report_cnn.layer1", add(x, x, list.setting.activation, list.layout_of(x)));
}

}  // namespace

Operation describe_add() {
  const BinaryOperation operation{"add", reference::add, add};
  const BinaryGradients gradients{
      "add", [](const engine::Tensor& a, const engine::Tensor& b) { return engine::add(a, b); },
      [](Tape& tape, const VariablePointer& a, const VariablePointer& b) { return tape.add(a, b); }};
  return {.name = "add",
          .checks = {equal_shapes(operation), broadcasting(operation)},
          .gradients = {broadcasting_gradients(gradients), two_layouts_gradients(gradients)},
          .benchmarks = add_benchmarks};
}

}  // namespace xr::tests
