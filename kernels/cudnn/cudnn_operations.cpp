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
  for (const auto& [data, bytes] : old_) own_.deallocate(data, bytes);
}

std::byte* Workspace::get(std::size_t bytes) {
  if (bytes <= bytes_) return data_;
  if (data_ != nullptr && has_captured_())
    old_.emplace_back(data_, bytes_);
  else if (data_ != nullptr)
    own_.deallocate(data_, bytes_);
  data_ = nullptr;
  bytes_ = 0;
  data_ = static_cast<std::byte*>(own_.allocate(bytes));
  bytes_ = bytes;
  return data_;
}

CudnnOperations::CudnnOperations(const Place& place)
    : own_(place.own), workspace_(place), sum_(place), cublas_workspace_(place) {
  auto* const stream = static_cast<cudaStream_t>(place.stream);
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

std::unique_ptr<Operations> make_operations(const Place& place) {
  return std::make_unique<CudnnOperations>(place);
}

std::string describe_libraries() {
  try {
    return CudnnLibrary().version() + " and " + CublasLibrary().version();
  } catch (const Error& error) {
    return error.what();
  }
}

}  // namespace xr::kernels::cudnn
