// linear_forward: y (N, out) = x (N, in) weight (out, in)^T + bias (out), row-major; x and y f32 or bf16,
// weight and bias f32. On tensor cores (gemm.h).
//
// For the report's first linear layer, (60 x 193600) (600 x 193600)^T in f32: 13.9 GFLOP, and 465 MB of
// weights that are read once: one row of tiles holds all 60 rows, five column tiles of 128 share the 46 MB of
// x through the L2 cache, and the depth is cut into 52 parts, which a second pass adds up in order. At 3 TB/s
// that is 0.17 ms; three TF32 products of the padded 64 x 640 need about as long, one a third. Its backward
// products are matmuls: dx = dy weight reads the weight once in the same way; d_weight = dy^T x (K = 60) is
// bound by writing.
#include "kernels/common/checks.h"
#include "kernels/cuda/gemm/gemm.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

void KernelBackend::linear_forward(ConstView x, ConstView weight, ConstView bias, View y) {
  require_matrix("linear", "x", x);
  require_matrix("linear", "weight", weight);
  require_matrix("linear", "y", y);
  const std::int64_t batch = x.shape[0], in = x.shape[1], out = weight.shape[0];
  XR_CHECK(weight.shape[1] == in && y.shape == (Shape{batch, out}),
           "linear: x {} and weight {} do not give y {}", x.shape.to_string(), weight.shape.to_string(),
           y.shape.to_string());
  if (bias.defined()) require_vector("linear", "bias", bias, out);
  if (y.numel() == 0) return;
  XR_CHECK(in > 0, "linear: x has the shape {}: it needs at least one input feature", x.shape.to_string());
  const std::size_t bias_bytes = bias.defined() ? bias.bytes() : 0;
  run_gemm(*this, {.m = batch,
                   .n = out,
                   .k = in,
                   .a = x,
                   .b = weight,
                   .transpose_a = false,
                   .transpose_b = true,
                   .bias = bias.as<float>(),
                   .c = y,
                   .write = GradientWrite::overwrite,
                   .bytes = static_cast<std::int64_t>(x.bytes() + weight.bytes() + bias_bytes + y.bytes())});
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
