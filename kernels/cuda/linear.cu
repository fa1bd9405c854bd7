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
#include "kernels/cuda/suits.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

bool suits(const LinearForward& call) {
  return is_skinny(call.y.shape[0], call.y.shape[1], call.x.shape[1]);
}

void KernelBackend::compute(const LinearForward& call) {
  const std::int64_t batch = call.x.shape[0], in = call.x.shape[1], out = call.weight.shape[0];
  if (call.y.numel() == 0) return;
  run_gemm(*this, {.m = batch,
                   .n = out,
                   .k = in,
                   .a = call.x,
                   .b = call.weight,
                   .transpose_a = false,
                   .transpose_b = true,
                   .bias = call.bias.as<float>(),
                   .c = call.y,
                   .write = GradientWrite::overwrite,
                   .bytes = call.bytes()});
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
