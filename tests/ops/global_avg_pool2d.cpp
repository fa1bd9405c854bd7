// The mean over height and width: (N, C, H, W) to (N, C).
#include "kernels/ops/global_avg_pool2d.h"

#include "engine/ops/global_avg_pool2d.h"
#include "tests/ops/cases.h"
#include "tests/ops/operation.h"
#include "tests/ops/test_backends.h"
#include "tests/reference/global_avg_pool2d.h"
#include "tests/reference/gradient_check.h"

namespace xr::tests {

namespace {

using reference::random_distinct;
using reference::random_normal;

Call global_avg_pool2d_forward(const Shape& x, DType dtype, Layout layout) {
  return call_of({input("x", x, dtype, layout).drawn(Values::positive), output("y", {x[0], x[1]}, dtype)},
                 [](Views v) { return kernels::GlobalAvgPool2dForward{.x = v[0], .y = v[1]}; });
}

Call global_avg_pool2d_backward(const Shape& x, DType dtype, Layout layout) {
  return call_of({input("dy", {x[0], x[1]}, dtype), output("dx", x, dtype, layout)},
                 [](Views v, GradientWrite write) {
                   return kernels::GlobalAvgPool2dBackward{.dy = v[0], .dx = v[1], .write = write};
                 });
}

void check_both(const Checker& check, const ShapeCase& c) {
  const Shape& shape = c.shape;
  for (const DType dtype : test_types()) {
    const Tensor x = with_bf16_nan(to_type(random_normal(shape, 1, 0.5), dtype), dtype),
                 dy = with_bf16_nan(to_type(random_normal({shape[0], shape[1]}, 2), dtype), dtype);
    // bf16: the sums are f32, so the rounding of the result alone counts.
    const double terms = dtype == DType::f32 ? static_cast<double>(shape[2] * shape[3]) : 1;
    const Expected y{reference::global_avg_pool2d_forward(x), dtype, Arithmetic::reduction, terms};
    const Expected dx{reference::global_avg_pool2d_backward(dy, shape), dtype, Arithmetic::elementwise};
    for (Backend* backend : test_backends(dtype))
      for (const Layout layout : layouts_of(*backend, shape)) {
        check(*backend, global_avg_pool2d_forward(shape, dtype, layout).holds("x", x).expects("y", y));
        check(*backend, global_avg_pool2d_backward(shape, dtype, layout).holds("dy", dy).expects("dx", dx));
      }
  }
}

void check_gradients(const GradientSink& check, const ShapeCase& c) {
  for (const Layout layout : layouts_of(c.shape)) {
    GradientCase test;
    test.operation = "global_avg_pool2d";
    test.operands = {activation("x", random_distinct(c.shape, 1), layout)};
    test.engine = [](EngineTensors in) { return engine::global_avg_pool2d(in[0]); };
    test.oracle = [](Tape& tape, Variables in) { return tape.global_avg_pool2d(in[0]); };
    test.arithmetic = Arithmetic::sums;
    check(test);
  }
}

void add_benchmarks(Benchmarks& list) {
  const Shape& x = list.layers.features;
  list.add("report_cnn.layer1", global_avg_pool2d_forward(x, list.setting.activation, list.layout_of(x)));
  list.add("report_cnn.layer1", global_avg_pool2d_backward(x, list.setting.activation, list.layout_of(x)));
}

/// The last has more vectors in a plane than a block takes at once.
std::vector<ShapeCase> pooled_cases() {
  std::vector<Shape> shapes = activation_shapes();
  shapes.push_back({1, 2, 80, 80});
  return named(shapes);
}

}  // namespace

Operation describe_global_avg_pool2d() {
  return {
      .name = "global_avg_pool2d",
      .checks = {checks_of("global_avg_pool2d forward and backward", pooled_cases(), check_both)},
      .gradients = {gradients_of("gradcheck global_avg_pool2d", named(activation_shapes()), check_gradients)},
      .benchmarks = add_benchmarks};
}

}  // namespace xr::tests
