// A libcublas whose matrices lie on the host: BLAS's column-major product written down, for tests without a
// GPU of what is asked of cuBLAS.
#include <cublas_v2.h>

#include <bit>
#include <cstdint>
#include <cstring>

namespace {

struct Context {
  bool has_stream = false, has_workspace = false, has_math_mode = false;
};

/// Column-major; element (row, column) of op(m).
double read(const void* m, cudaDataType type, std::int64_t leading, cublasOperation_t operation,
            std::int64_t row, std::int64_t column) {
  const std::int64_t i = operation == CUBLAS_OP_T ? column + row * leading : row + column * leading;
  if (type == CUDA_R_32F) return static_cast<const float*>(m)[i];
  const std::uint32_t bits = static_cast<const std::uint16_t*>(m)[i];
  return static_cast<double>(std::bit_cast<float>(bits << 16));
}

void write(void* m, cudaDataType type, std::int64_t i, double value) {
  const auto single = static_cast<float>(value);
  if (type == CUDA_R_32F) {
    static_cast<float*>(m)[i] = single;
    return;
  }
  const auto bits =
      std::bit_cast<std::uint32_t>(single);  // to the nearest, ties to even; no NaN in the tests
  static_cast<std::uint16_t*>(m)[i] = static_cast<std::uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

bool is_supported(cudaDataType a, cudaDataType b, cudaDataType c, cublasComputeType_t compute) {
  const bool f32 = a == CUDA_R_32F && c == CUDA_R_32F &&
                   (compute == CUBLAS_COMPUTE_32F_PEDANTIC || compute == CUBLAS_COMPUTE_32F_FAST_TF32);
  const bool bf16 =
      a == CUDA_R_16BF && (c == CUDA_R_16BF || c == CUDA_R_32F) && compute == CUBLAS_COMPUTE_32F;
  return a == b && (f32 || bf16);
}

}  // namespace

// The names and types are cublas_api.h's.
// NOLINTBEGIN(readability-identifier-naming,misc-unused-parameters)
extern "C" {

const char* cublasGetStatusString(cublasStatus_t status) {
  return status == CUBLAS_STATUS_NOT_INITIALIZED ? "not set up" : "refused by the reference";
}

cublasStatus_t cublasGetProperty(libraryPropertyType type, int* value) {
  *value = static_cast<int>(type) + 1;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) {
  *handle = reinterpret_cast<cublasHandle_t>(new Context);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasDestroy_v2(cublasHandle_t handle) {
  delete reinterpret_cast<Context*>(handle);
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream_v2(cublasHandle_t handle, cudaStream_t /*stream*/) {
  auto* context = reinterpret_cast<Context*>(handle);
  context->has_stream = true;
  context->has_workspace = false;  // as cuBLAS does
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t handle, void* workspace, size_t bytes) {
  std::memset(workspace, 0xFF, bytes);  // it is all cuBLAS's
  reinterpret_cast<Context*>(handle)->has_workspace = bytes > 0;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode) {
  reinterpret_cast<Context*>(handle)->has_math_mode =
      (mode & CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION) != 0 &&
      (mode & CUBLAS_TF32_TENSOR_OP_MATH) == 0;
  return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasGemmEx_64(cublasHandle_t handle, cublasOperation_t operation_a,
                               cublasOperation_t operation_b, int64_t m, int64_t n, int64_t k,
                               const void* alpha, const void* a, cudaDataType a_type, int64_t a_leading,
                               const void* b, cudaDataType b_type, int64_t b_leading, const void* beta,
                               void* c, cudaDataType c_type, int64_t c_leading, cublasComputeType_t compute,
                               cublasGemmAlgo_t /*algorithm*/) {
  const auto* context = reinterpret_cast<const Context*>(handle);
  if (!context->has_stream || !context->has_workspace || !context->has_math_mode)
    return CUBLAS_STATUS_NOT_INITIALIZED;
  if (!is_supported(a_type, b_type, c_type, compute)) return CUBLAS_STATUS_NOT_SUPPORTED;
  if (m < 1 || n < 1 || k < 1 || a_leading < (operation_a == CUBLAS_OP_T ? k : m) ||
      b_leading < (operation_b == CUBLAS_OP_T ? n : k) || c_leading < m)
    return CUBLAS_STATUS_INVALID_VALUE;
  const double factor = *static_cast<const float*>(alpha), keep = *static_cast<const float*>(beta);
  for (int64_t column = 0; column < n; ++column)
    for (int64_t row = 0; row < m; ++row) {
      double sum = 0;
      for (int64_t i = 0; i < k; ++i)
        sum += read(a, a_type, a_leading, operation_a, row, i) *
               read(b, b_type, b_leading, operation_b, i, column);
      const int64_t position = row + column * c_leading;
      // Without beta, c is not read: it may hold NaN.
      const double before = keep == 0 ? 0 : keep * read(c, c_type, c_leading, CUBLAS_OP_N, row, column);
      write(c, c_type, position, factor * sum + before);
    }
  return CUBLAS_STATUS_SUCCESS;
}

}  // extern "C"
// NOLINTEND(readability-identifier-naming,misc-unused-parameters)
