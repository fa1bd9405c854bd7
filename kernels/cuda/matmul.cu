// matmul: c (M, N) = or += op(a) op(b), row-major; f32 or bf16 in memory. On tensor cores (gemm.h).
#include "kernels/common/checks.h"
#include "kernels/cuda/gemm/gemm.h"
#include "kernels/cuda/suits.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

bool suits(const Matmul& call) {
  return is_skinny(call.m(), call.n(), call.k());
}

void KernelBackend::compute(const Matmul& call) {
  Gemm gemm{.m = call.m(),
            .n = call.n(),
            .k = call.k(),
            .a = call.a,
            .b = call.b,
            .transpose_a = call.transpose_a,
            .transpose_b = call.transpose_b,
            .bias = nullptr,
            .c = call.c,
            .write = call.write,
            .bytes = call.bytes()};
  if (call.c.numel() == 0) return;
  if (gemm.k == 0) {
    if (call.write == GradientWrite::overwrite) compute(Fill{.y = call.c});
    return;
  }
  run_gemm(*this, gemm);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
