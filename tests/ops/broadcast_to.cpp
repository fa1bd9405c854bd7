// The backward of sum_to_shape.
#include <fmt/core.h>

#include "kernels/ops/reduce.h"
#include "tests/ops/cases.h"
#include "tests/ops/operation.h"
#include "tests/ops/test_backends.h"
#include "tests/reference/elementwise.h"
#include "tests/reference/gradient_check.h"

namespace xr::tests {

namespace {

Call broadcast_to(const Shape& dy, const Shape& dx, DType dtype, float scale) {
  return call_of({input("dy", dy, dtype), output("dx", dx, dtype)},
                 [scale](Views v, GradientWrite write) {
                   return kernels::BroadcastTo{.dy = v[0], .dx = v[1], .scale = scale, .write = write};
                 })
      .with(fmt::format("times {}", scale));
}

/// c.b is broadcast to c.a.
void check_scales(const Checker& check, const BroadcastCase& c) {
  for (const DType dtype : test_types())
    for (const float scale : {1.0f, 1.0f / 3}) {
      const Tensor dy = with_bf16_nan(to_type(reference::random_normal(c.b, 2), dtype), dtype);
      const Expected dx{reference::broadcast_to(dy, static_cast<double>(scale), c.a), dtype,
                        Arithmetic::elementwise};
      for (Backend* backend : test_backends(dtype))
        check(*backend, broadcast_to(c.b, c.a, dtype, scale).holds("dy", dy).expects("dx", dx));
    }
}

void add_benchmarks(Benchmarks& list) {
  const Shape& x = list.layers.features;
  list.add("rows", broadcast_to({x[1]}, {x.numel() / x[1], x[1]}, list.setting.activation, 0.75f));
}

}  // namespace

Operation describe_broadcast_to() {
  return {.name = "broadcast_to",
          .checks = {checks_of("broadcast_to", sum_cases(), check_scales)},
          .benchmarks = add_benchmarks};
}

}  // namespace xr::tests
