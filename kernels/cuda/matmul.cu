// matmul: c (M, N) = or += op(a) op(b), row-major; f32 or bf16 in memory. On tensor cores (gemm.h).
#include "kernels/common/checks.h"
#include "kernels/cuda/gemm/gemm.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

void KernelBackend::matmul(ConstView a, bool transpose_a, ConstView b, bool transpose_b, View c,
                           GradientWrite write) {
  require_matrix("matmul", "a", a);
  require_matrix("matmul", "b", b);
  require_matrix("matmul", "c", c);
  Gemm gemm{.m = a.shape[transpose_a ? 1 : 0],
            .n = b.shape[transpose_b ? 0 : 1],
            .k = a.shape[transpose_a ? 0 : 1],
            .a = a,
            .b = b,
            .transpose_a = transpose_a,
            .transpose_b = transpose_b,
            .bias = nullptr,
            .c = c,
            .write = write,
            .bytes = 0};
  XR_CHECK(b.shape[transpose_b ? 1 : 0] == gemm.k && c.shape == (Shape{gemm.m, gemm.n}),
           "matmul: a {}{} times b {}{} does not give c {}", a.shape.to_string(),
           transpose_a ? " transposed" : "", b.shape.to_string(), transpose_b ? " transposed" : "",
           c.shape.to_string());
  if (c.numel() == 0) return;
  if (gemm.k == 0) {
    if (write == GradientWrite::overwrite) fill(c, 0.0f);
    return;
  }
  const std::size_t passes_over_c = write == GradientWrite::accumulate ? 2 : 1;
  gemm.bytes = static_cast<std::int64_t>(a.bytes() + b.bytes() + passes_over_c * c.bytes());
  run_gemm(*this, gemm);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
