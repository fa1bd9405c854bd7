// gemm.h for f32 operands: TF32, or three TF32 products for the accuracy of f32.
#include "kernels/cuda/gemm/gemm_kernel.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

constexpr int depth = stage_row_bytes / 4;

template <Math math, bool a_depth_contiguous, bool b_depth_contiguous, class Shape>
using Product = TileProduct<Shape, OperandTile<math, float, a_depth_contiguous, Shape::m, depth>,
                            OperandTile<math, float, b_depth_contiguous, Shape::n, depth>>;

template <Math math, bool a_depth_contiguous, bool b_depth_contiguous>
void launch_aligned(KernelBackend& backend, const Gemm& gemm) {
  if (gemm.m <= SkinnyTile::m)
    launch_gemm<Product<math, a_depth_contiguous, b_depth_contiguous, SkinnyTile>, true>(
        backend, gemm, math == Math::tf32 ? "gemm_tf32_64x128" : "gemm_tf32x3_64x128");
  else
    launch_gemm<Product<math, a_depth_contiguous, b_depth_contiguous, LargeTile>, true>(
        backend, gemm, math == Math::tf32 ? "gemm_tf32_128x64" : "gemm_tf32x3_128x64");
}

template <Math math>
void launch(KernelBackend& backend, const Gemm& gemm) {
  switch (order_of(backend, gemm)) {
    case GemmOrder::strided:
      return launch_gemm<Product<math, true, true, StridedTile>, false>(
          backend, gemm, math == Math::tf32 ? "gemm_tf32_strided" : "gemm_tf32x3_strided");
    case GemmOrder::neither_transposed:
      return launch_aligned<math, true, false>(backend, gemm);
    case GemmOrder::a_transposed:
      return launch_aligned<math, false, false>(backend, gemm);
    case GemmOrder::b_transposed:
      return launch_aligned<math, true, true>(backend, gemm);
  }
}

}  // namespace

void run_gemm_f32(KernelBackend& backend, const Gemm& gemm) {
  XR_CHECK(gemm.c.dtype == DType::f32, "the product of two f32 matrices is {}: it must be f32",
           name_of(gemm.c.dtype));
  if (backend.options().precision == Precision::fp32)
    launch<Math::tf32x3>(backend, gemm);
  else
    launch<Math::tf32>(backend, gemm);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
