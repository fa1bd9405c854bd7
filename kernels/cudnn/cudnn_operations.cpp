#include "kernels/cudnn/cudnn_operations.h"

namespace xr::kernels::cudnn {

namespace {

// Engines that ask for more are passed over: the memory is better spent on a larger batch.
constexpr std::size_t most_workspace = std::size_t{2} << 30;
// What cuBLAS recommends for Hopper; given by us, so that it allocates nothing in a captured step.
constexpr std::size_t cublas_workspace_bytes = std::size_t{32} << 20;

}  // namespace

Workspace::~Workspace() {
  if (data_ != nullptr) own_.deallocate(data_, bytes_);
}

std::byte* Workspace::get(std::size_t bytes) {
  if (bytes <= bytes_) return data_;
  if (data_ != nullptr) own_.deallocate(data_, bytes_);
  data_ = nullptr;
  bytes_ = 0;
  data_ = static_cast<std::byte*>(own_.allocate(bytes));
  bytes_ = bytes;
  return data_;
}

CudnnOperations::CudnnOperations(Backend& own, cudaStream_t stream)
    : own_(own), workspace_(own), sum_(own), cublas_workspace_(own) {
  try {
    XR_CUDNN_CALL(cudnn_, cudnnCreate, &handle_);
    XR_CUDNN_CALL(cudnn_, cudnnSetStream, handle_, stream);
    XR_CUBLAS_CALL(cublas_, cublasCreate_v2, &cublas_handle_);
    XR_CUBLAS_CALL(cublas_, cublasSetStream_v2, cublas_handle_, stream);  // forgets the workspace: first
    XR_CUBLAS_CALL(cublas_, cublasSetWorkspace_v2, cublas_handle_,
                   cublas_workspace_.get(cublas_workspace_bytes), cublas_workspace_bytes);
    XR_CUBLAS_CALL(
        cublas_, cublasSetMathMode, cublas_handle_,
        static_cast<cublasMath_t>(CUBLAS_DEFAULT_MATH | CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION));
    plans_ = std::make_unique<ConvolutionPlans>(Target{&cudnn_, handle_, nullptr}, most_workspace);
  } catch (...) {
    close();
    throw;
  }
}

CudnnOperations::~CudnnOperations() {
  close();
}

void CudnnOperations::close() noexcept {
  plans_.reset();
  if (handle_ != nullptr) cudnn_.cudnnDestroy(handle_);
  if (cublas_handle_ != nullptr) cublas_.cublasDestroy_v2(cublas_handle_);
}

std::unique_ptr<Operations> make_operations(Backend& own, void* stream) {
  return std::make_unique<CudnnOperations>(own, static_cast<cudaStream_t>(stream));
}

std::string describe_libraries() {
  try {
    return CudnnLibrary().version() + " and " + CublasLibrary().version();
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace xr::kernels::cudnn
