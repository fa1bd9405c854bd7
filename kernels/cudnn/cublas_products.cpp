// Matrix products through cuBLAS, whose matrices are column-major: c^T = op(b)^T op(a)^T is asked for.
#include "kernels/cudnn/cublas_products.h"

namespace xr::kernels::cudnn {

namespace {

// What cuBLAS recommends for Hopper; given by us, so that it allocates nothing in recorded work.
constexpr std::size_t workspace_bytes = std::size_t{32} << 20;

cudaDataType type_of(DType dtype) {
  return dtype == DType::bf16 ? CUDA_R_16BF : CUDA_R_32F;
}

/// Sums are f32. True f32 products are pedantic, so that neither TF32 nor an emulation is used.
cublasComputeType_t compute_type(DType operands, Precision precision) {
  if (operands == DType::bf16) return CUBLAS_COMPUTE_32F;
  return precision == Precision::fp32 ? CUBLAS_COMPUTE_32F_PEDANTIC : CUBLAS_COMPUTE_32F_FAST_TF32;
}

/// Whether one operand is rounded in each call: what runs says so, for it can take longer than the product.
bool rounds(const ConstView& a, const ConstView& b) {
  return a.dtype != b.dtype;
}

View view_of(void* data, const Shape& shape, DType dtype) {
  View view;
  view.data = data;
  view.shape = shape;
  view.dtype = dtype;
  return view;
}

}  // namespace

CublasProducts::CublasProducts(const Place& place, const LibraryFile& file)
    : own_(place.own), cublas_(file), operand_(place), sum_(place), workspace_(place) {
  XR_CUBLAS_CALL(cublas_, cublasCreate_v2, &handle_);
  try {
    // The stream first: a new one makes cuBLAS forget the workspace.
    XR_CUBLAS_CALL(cublas_, cublasSetStream_v2, handle_, static_cast<cudaStream_t>(place.stream));
    XR_CUBLAS_CALL(cublas_, cublasSetWorkspace_v2, handle_, workspace_.get(workspace_bytes), workspace_bytes);
    XR_CUBLAS_CALL(
        cublas_, cublasSetMathMode, handle_,
        static_cast<cublasMath_t>(CUBLAS_DEFAULT_MATH | CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION));
  } catch (...) {
    cublas_.cublasDestroy_v2(handle_);
    throw;
  }
}

CublasProducts::~CublasProducts() {
  cublas_.cublasDestroy_v2(handle_);
}

/// False if cuBLAS has no such product: f32 operands with a bf16 result, or what it says itself.
bool CublasProducts::multiply(const Product& p) {
  const bool mixed = rounds(p.a, p.b);
  const DType operands = mixed ? DType::bf16 : p.a.dtype;
  if (operands == DType::f32 && p.c.dtype != DType::f32) return false;
  ConstView a = p.a, b = p.b;
  if (mixed) {  // the f32 one is rounded first
    ConstView& wide = a.dtype == DType::f32 ? a : b;
    const View rounded = view_of(operand_.get(static_cast<std::size_t>(wide.numel()) * size_of(operands)),
                                 wide.shape, operands);
    own_.run(Cast{.x = wide, .y = rounded});
    wide = rounded;
  }
  const std::int64_t m = p.c.shape[0], n = p.c.shape[1], k = p.a.shape[p.transpose_a ? 0 : 1];
  const float alpha = 1.0f, beta = p.write == GradientWrite::accumulate ? 1.0f : 0.0f;
  const cublasStatus_t status = cublas_.cublasGemmEx_64(
      handle_, p.transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N, p.transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N, n, m, k,
      &alpha, b.data, type_of(operands), b.shape[1], a.data, type_of(operands), a.shape[1], &beta, p.c.data,
      type_of(p.c.dtype), n, compute_type(operands, precision_), CUBLAS_GEMM_DEFAULT);
  if (status == CUBLAS_STATUS_NOT_SUPPORTED) return false;
  cublas_.check(status, "cublasGemmEx_64");
  return true;
}

Ran CublasProducts::run(const Matmul& call) {
  const char* const name =
      rounds(call.a, call.b) ? "cublas matmul + its f32 operand rounded to bf16" : "cublas matmul";
  if (!multiply({call.a, call.b, call.transpose_a, call.transpose_b, call.c, call.write})) return {};
  return {Library::cublas, name};
}

// The bias is what y holds before the product is added. A bf16 y is rounded once: the sum is made in f32.
Ran CublasProducts::run(const LinearForward& call) {
  const char* const name = rounds(call.x, call.weight)
                               ? "cublas linear_forward + its f32 operand rounded to bf16"
                               : "cublas linear_forward";
  if (!call.bias.defined()) {
    if (!multiply({call.x, call.weight, false, true, call.y, GradientWrite::overwrite})) return {};
    return {Library::cublas, name};
  }
  View sum = call.y;
  if (call.y.dtype != DType::f32) {
    if (call.x.dtype == DType::f32 && call.weight.dtype == DType::f32) return {};
    sum =
        view_of(sum_.get(static_cast<std::size_t>(call.y.numel()) * sizeof(float)), call.y.shape, DType::f32);
  }
  own_.run(BroadcastTo{.dy = call.bias, .dx = sum});
  if (!multiply({call.x, call.weight, false, true, sum, GradientWrite::accumulate})) return {};
  if (call.y.dtype != DType::f32) own_.run(Cast{.x = sum, .y = call.y});
  return {Library::cublas, name};
}

}  // namespace xr::kernels::cudnn
