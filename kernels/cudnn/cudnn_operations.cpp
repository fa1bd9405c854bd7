#include "kernels/cudnn/cudnn_operations.h"

namespace xr::kernels::cudnn {

namespace {

// Engines that ask for more are passed over: the memory is better spent on a larger batch.
constexpr std::size_t max_workspace = std::size_t{2} << 30;

}  // namespace

CudnnOperations::CudnnOperations(const Place& place) : own_(place.own), products_(place), workspace_(place) {
  try {
    XR_CUDNN_CALL(cudnn_, cudnnCreate, &handle_);
    XR_CUDNN_CALL(cudnn_, cudnnSetStream, handle_, static_cast<cudaStream_t>(place.stream));
    plans_ = std::make_unique<ConvolutionPlans>(Target{&cudnn_, handle_, nullptr}, max_workspace);
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
}

void CudnnOperations::set_precision(Precision precision) {
  precision_ = precision;
  products_.set_precision(precision);
}

// cuBLAS refuses empty products.
Ran CudnnOperations::run(const Matmul& call) {
  return call.flops() == 0 ? Ran{} : products_.run(call);
}

Ran CudnnOperations::run(const LinearForward& call) {
  return call.flops() == 0 ? Ran{} : products_.run(call);
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
