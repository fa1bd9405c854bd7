// Average pooling; whether padding counts in the divisor.
#include "kernels/ops/avg_pool2d.h"

#include <fmt/core.h>

#include "engine/ops/avg_pool2d.h"
#include "tests/ops/operation.h"
#include "tests/ops/pool2d_cases.h"
#include "tests/ops/test_backends.h"
#include "tests/reference/avg_pool2d.h"
#include "tests/reference/gradient_check.h"

namespace xr::tests {

namespace {

using reference::random_normal;

std::string window_of(const Pool2dCase& c) {
  return fmt::format("{}x{}", c.params.kernel_h, c.params.kernel_w);
}

Call avg_pool2d_forward(const Pool2dCase& c, DType dtype, Layout layout) {
  return call_of({input("x", c.x, dtype, layout), output("y", c.y(), dtype, layout)},
                 [params = c.params](Views v) {
                   return kernels::AvgPool2dForward{.x = v[0], .y = v[1], .params = params};
                 })
      .with(window_of(c));
}

Call avg_pool2d_backward(const Pool2dCase& c, DType dtype, Layout layout) {
  return call_of({input("dy", c.y(), dtype, layout), output("dx", c.x, dtype, layout)},
                 [params = c.params](Views v, GradientWrite write) {
                   return kernels::AvgPool2dBackward{
                       .dy = v[0], .dx = v[1], .params = params, .write = write};
                 })
      .with(window_of(c));
}

void check_both(const Checker& check, const Pool2dCase& c) {
  for (const DType dtype : test_types()) {
    const Tensor x = with_bf16_nan(to_type(random_normal(c.x, 1), dtype), dtype),
                 dy = with_bf16_nan(to_type(random_normal(c.y(), 2), dtype), dtype);
    // bf16: the sums are f32, so the rounding of the result alone counts.
    const double terms = dtype == DType::f32 ? static_cast<double>(c.params.kernel_h * c.params.kernel_w) : 1;
    const Expected y{reference::avg_pool2d_forward(c.params, x), dtype, Arithmetic::reduction, terms};
    const Expected dx{reference::avg_pool2d_backward(c.params, dy, c.x), dtype, Arithmetic::reduction, terms};
    for (Backend* backend : test_backends(dtype))
      for (const Layout layout : layouts_of(*backend, c.x)) {
        check(*backend, avg_pool2d_forward(c, dtype, layout).holds("x", x).expects("y", y));
        check(*backend, avg_pool2d_backward(c, dtype, layout).holds("dy", dy).expects("dx", dx));
      }
  }
}

void check_gradients(const GradientSink& check, const Pool2dCase& c) {
  for (const Layout layout : layouts_of(c.x)) {
    GradientCase test;
    test.operation = "avg_pool2d";
    test.operands = {activation("x", random_normal(c.x, 1), layout)};
    test.engine = [&](EngineTensors in) { return engine::avg_pool2d(in[0], c.params); };
    test.oracle = [&](Tape& tape, Variables in) { return tape.avg_pool2d(c.params, in[0]); };
    test.arithmetic = Arithmetic::reduction;
    check(test);
  }
}

void add_benchmarks(Benchmarks& list) {
  const DType dtype = list.setting.activation;
  std::vector<Pool2dCase> cases;
  for (const BatchNorm2dLayer& layer : list.layers.norms) cases.push_back(pool2d_case(layer.name, layer.x));
  cases.push_back(pool2d_case("overlapping", cases[0].x).window(3).stride(2).padding(1));
  for (const Pool2dCase& c : cases) {
    list.add(c.name, avg_pool2d_forward(c, dtype, list.layout_of(c.x)));
    list.add(c.name, avg_pool2d_backward(c, dtype, list.layout_of(c.x)));
  }
}

}  // namespace

Operation describe_avg_pool2d() {
  return {.name = "avg_pool2d",
          .checks = {checks_of("avg_pool2d forward and backward", pool2d_cases(), check_both)},
          .gradients = {gradients_of("gradcheck avg_pool2d", pool2d_cases(), check_gradients)},
          .benchmarks = add_benchmarks};
}

}  // namespace xr::tests
