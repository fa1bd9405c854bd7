// Every element takes one value.
#include <fmt/core.h>

#include "kernels/ops/elementwise.h"
#include "tests/ops/elementwise_cases.h"

namespace xr::tests {

namespace {

Call fill(const Shape& shape, DType dtype, Layout layout, float value) {
  return call_of({output("y", shape, dtype, layout)},
                 [value](Views v) { return kernels::Fill{.y = v[0], .value = value}; })
      .with(fmt::format("with {}", value));
}

void check_values(const Checker& check, const ShapeCase& c) {
  for (const DType dtype : test_types())
    for (Backend* backend : test_backends(dtype)) {
      if (!takes_shape(*backend, c.shape)) continue;
      for (const float value : {0.0f, -1.5f})
        check(*backend, fill(c.shape, dtype, Layout::contiguous, value)
                            .expects("y", {Tensor(c.shape, static_cast<double>(value))}));
    }
}

void add_benchmarks(Benchmarks& list) {
  const Shape& x = list.layers.features;
  list.add("report_cnn.layer1", fill(x, list.setting.activation, list.layout_of(x), 0.75f));
}

}  // namespace

Operation describe_fill() {
  return {.name = "fill",
          .checks = {checks_of("fill", named(elementwise_shapes()), check_values)},
          .benchmarks = add_benchmarks};
}

}  // namespace xr::tests
