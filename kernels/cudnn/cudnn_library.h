// cuDNN's functions, loaded at run time, with every status checked.
#pragma once

#include <cudnn.h>

#include <string>

#include "kernels/cudnn/shared_library.h"

// clang-format off
#define XR_CUDNN_FUNCTIONS(X)                                                                           \
  X(cudnnGetVersion) X(cudnnGetErrorString) X(cudnnGetLastErrorString) X(cudnnCreate) X(cudnnDestroy)   \
  X(cudnnSetStream) X(cudnnBackendCreateDescriptor) X(cudnnBackendDestroyDescriptor)                    \
  X(cudnnBackendSetAttribute) X(cudnnBackendGetAttribute) X(cudnnBackendFinalize) X(cudnnBackendExecute) \
  X(cudnnCreateTensorDescriptor) X(cudnnDestroyTensorDescriptor) X(cudnnSetTensor4dDescriptorEx)        \
  X(cudnnCreateActivationDescriptor) X(cudnnDestroyActivationDescriptor) X(cudnnSetActivationDescriptor) \
  X(cudnnActivationForward) X(cudnnActivationBackward) X(cudnnSoftmaxForward) X(cudnnSoftmaxBackward)   \
  X(cudnnCreatePoolingDescriptor) X(cudnnDestroyPoolingDescriptor) X(cudnnSetPooling2dDescriptor)       \
  X(cudnnPoolingForward) X(cudnnBatchNormalizationForwardTraining)                                      \
  X(cudnnBatchNormalizationForwardInference) X(cudnnBatchNormalizationBackward)
// clang-format on

namespace xr::kernels::cudnn {

/// The file that this program was built for, and where to look for it: library_folders, then the
/// system's places.
[[nodiscard]] LibraryFile cudnn_file();

/// The functions have their names in cudnn.h.
class CudnnLibrary {
 public:
  /// Throws Error that says what is missing: the file, a function, a new enough version.
  explicit CudnnLibrary(const LibraryFile& file = cudnn_file());
  CudnnLibrary(const CudnnLibrary&) = delete;
  CudnnLibrary& operator=(const CudnnLibrary&) = delete;

  /// "cuDNN 9.19.0"
  [[nodiscard]] std::string version() const;
  /// Throws Error with the function's name, the status and cuDNN's last message unless it is success.
  void check(cudnnStatus_t status, const char* function) const;
  /// False if cuDNN says that it does not have this; throws as check for every other failure.
  [[nodiscard]] bool has(cudnnStatus_t status, const char* function) const;
  /// The status in words, with cuDNN's last message, on one line.
  [[nodiscard]] std::string describe(cudnnStatus_t status) const;

 private:
  SharedLibrary file_;

 public:
// NOLINTNEXTLINE(bugprone-macro-parentheses): a declaration
#define XR_CUDNN_MEMBER(name) decltype(&::name) name;
  XR_CUDNN_FUNCTIONS(XR_CUDNN_MEMBER)
#undef XR_CUDNN_MEMBER
};

/// library.function(...), checked.
#define XR_CUDNN_CALL(library, function, ...) (library).check((library).function(__VA_ARGS__), #function)
/// The same; false if cuDNN does not have it for these operands.
#define XR_CUDNN_TRY(library, function, ...) (library).has((library).function(__VA_ARGS__), #function)

}  // namespace xr::kernels::cudnn
