// linear_forward: y (N, out) = x (N, in) weight^T + bias; weight (out, in), all row-major f32.
#include "kernels/cpu/checks.h"
#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/matmul.h"

namespace xr::kernels::cpu {

void CpuBackend::linear_forward(ConstView x, ConstView weight, ConstView bias, View y) {
  for (const auto& [name, view] : {std::pair{"x", x}, {"weight", weight}, {"y", ConstView(y)}}) {
    require_f32("linear", name, view);
    XR_CHECK(view.shape.rank() == 2, "linear: {} has the shape {}: it must be a matrix", name,
             view.shape.to_string());
  }
  const std::int64_t batch = x.shape[0], in = x.shape[1], out = weight.shape[0];
  XR_CHECK(weight.shape[1] == in && y.shape == (Shape{batch, out}),
           "linear: x {} and weight {} do not give y {}", x.shape.to_string(), weight.shape.to_string(),
           y.shape.to_string());
  if (bias.defined()) require_vector("linear", "bias", bias, out);
  if (y.numel() == 0) return;
  XR_CHECK(in > 0, "linear: x has the shape {}: it needs at least one input feature", x.shape.to_string());
  const std::lock_guard lock(primitives_->mutex());
  run_matmul(*primitives_, {.m = batch, .n = out, .k = in, .transpose_b = true, .has_bias = bias.defined()},
             x.as<float>(), weight.as<float>(), bias.as<float>(), y.as<float>());
}

}  // namespace xr::kernels::cpu
