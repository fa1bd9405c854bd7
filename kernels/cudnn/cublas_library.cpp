#include "kernels/cudnn/cublas_library.h"

#include "kernels/common/error.h"

namespace xr::kernels::cudnn {

LibraryFile cublas_file() {
  return {"cuBLAS", "libcublas.so." + std::to_string(CUBLAS_VER_MAJOR), library_folders(XR_CUBLAS_FOLDER),
          "install it or set XR_CUDNN_PATH to its folder"};
}

#define XR_CUBLAS_LOAD(name) , name(file_.function<decltype(::name)>(#name))
CublasLibrary::CublasLibrary(const LibraryFile& file) : file_(file) XR_CUBLAS_FUNCTIONS(XR_CUBLAS_LOAD) {}
#undef XR_CUBLAS_LOAD

std::string CublasLibrary::version() const {
  int major = 0, minor = 0, patch = 0;
  XR_CUBLAS_CALL(*this, cublasGetProperty, MAJOR_VERSION, &major);
  XR_CUBLAS_CALL(*this, cublasGetProperty, MINOR_VERSION, &minor);
  XR_CUBLAS_CALL(*this, cublasGetProperty, PATCH_LEVEL, &patch);
  return fmt::format("cuBLAS {}.{}.{}", major, minor, patch);
}

void CublasLibrary::check(cublasStatus_t status, const char* function) const {
  XR_CHECK(status == CUBLAS_STATUS_SUCCESS, "cuBLAS: {} failed: {}", function, cublasGetStatusString(status));
}

}  // namespace xr::kernels::cudnn
