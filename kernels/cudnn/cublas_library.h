// cuBLAS's functions, loaded at run time, with every status checked.
#pragma once

#include <cublas_v2.h>

#include <string>

#include "kernels/cudnn/shared_library.h"

// The names are those of the symbols: cublas_v2.h makes macros of cublasCreate and its like.
// clang-format off
#define XR_CUBLAS_FUNCTIONS(X)                                                             \
  X(cublasGetStatusString) X(cublasGetProperty) X(cublasCreate_v2) X(cublasDestroy_v2)     \
  X(cublasSetStream_v2) X(cublasSetWorkspace_v2) X(cublasSetMathMode) X(cublasGemmEx_64)
// clang-format on

namespace xr::kernels::cudnn {

/// The file of the version that this program was built for; looked for as cudnn_file's.
[[nodiscard]] LibraryFile cublas_file();

/// The functions have their names in cublas_api.h.
class CublasLibrary {
 public:
  /// Throws Error that says what is missing: the file or a function.
  explicit CublasLibrary(const LibraryFile& file = cublas_file());
  CublasLibrary(const CublasLibrary&) = delete;
  CublasLibrary& operator=(const CublasLibrary&) = delete;

  /// "cuBLAS 13.0.1"
  [[nodiscard]] std::string version() const;
  /// Throws Error with the function's name and the status unless it is success.
  void check(cublasStatus_t status, const char* function) const;

 private:
  SharedLibrary file_;

 public:
// NOLINTNEXTLINE(bugprone-macro-parentheses): a declaration
#define XR_CUBLAS_MEMBER(name) decltype(&::name) name;
  XR_CUBLAS_FUNCTIONS(XR_CUBLAS_MEMBER)
#undef XR_CUBLAS_MEMBER
};

/// library.function(...), checked.
#define XR_CUBLAS_CALL(library, function, ...) (library).check((library).function(__VA_ARGS__), #function)

}  // namespace xr::kernels::cudnn
