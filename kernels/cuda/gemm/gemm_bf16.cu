// gemm.h where an operand is bf16: products of bf16 numbers. f32 weights are rounded on their way from shared
// memory to the registers; so they are read once, and need no copy.
#include "kernels/cuda/gemm/gemm_kernel.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

/// a is bf16; a tile is as deep as a line of all banks takes elements of b.
template <class B, bool a_depth_contiguous, bool b_depth_contiguous, class Shape>
using Product =
    TileProduct<Shape,
                OperandTile<Math::bf16, Bf16, a_depth_contiguous, Shape::m, stage_row_bytes / int{sizeof(B)}>,
                OperandTile<Math::bf16, B, b_depth_contiguous, Shape::n, stage_row_bytes / int{sizeof(B)}>>;

template <class B, bool a_depth_contiguous, bool b_depth_contiguous>
void launch_aligned(KernelBackend& backend, const Gemm& gemm) {
  if (gemm.m <= SkinnyTile::m)
    launch_gemm<Product<B, a_depth_contiguous, b_depth_contiguous, SkinnyTile>, true>(backend, gemm,
                                                                                      "gemm_bf16_64x128");
  else
    launch_gemm<Product<B, a_depth_contiguous, b_depth_contiguous, LargeTile>, true>(backend, gemm,
                                                                                     "gemm_bf16_128x64");
}

}  // namespace

void run_gemm_bf16(KernelBackend& backend, const Gemm& gemm) {
  const bool a_is_f32 = gemm.a.dtype == DType::f32, b_is_f32 = gemm.b.dtype == DType::f32;
  const GemmOrder order = order_of(backend, gemm);
  if (a_is_f32 || order == GemmOrder::strided || (b_is_f32 && order == GemmOrder::a_transposed))
    launch_gemm<Product<Bf16, true, true, StridedTile>, false>(backend, gemm, "gemm_bf16_strided");
  else if (b_is_f32 && order == GemmOrder::b_transposed)
    launch_aligned<float, true, true>(backend, gemm);
  else if (b_is_f32)
    launch_aligned<float, true, false>(backend, gemm);
  else if (order == GemmOrder::a_transposed)
    launch_aligned<Bf16, false, false>(backend, gemm);
  else if (order == GemmOrder::b_transposed)
    launch_aligned<Bf16, true, true>(backend, gemm);
  else
    launch_aligned<Bf16, true, false>(backend, gemm);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
