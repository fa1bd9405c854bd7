#include "kernels/cudnn/cudnn_library.h"

#include <array>

#include "kernels/common/error_codes.h"

namespace xr::kernels::cudnn {

LibraryFile cudnn_file() {
  return {"cuDNN", "libcudnn.so." + std::to_string(CUDNN_MAJOR), library_folders(XR_CUDNN_FOLDER),
          "install cuDNN 9 or set XR_CUDNN_PATH to its folder"};
}

#define XR_CUDNN_LOAD(name) , name(file_.function<decltype(::name)>(#name))
CudnnLibrary::CudnnLibrary(const LibraryFile& file) : file_(file) XR_CUDNN_FUNCTIONS(XR_CUDNN_LOAD) {
  const std::size_t found = cudnnGetVersion();
  XR_CHECK_CODE(found >= 90000 && found < 100000, error_code::library_unavailable,
                "cuDNN is not available: {} is version {}, version 9 is needed; {}", file_.path(), found,
                file.remedy);
}
#undef XR_CUDNN_LOAD

std::string CudnnLibrary::version() const {
  const std::size_t version = cudnnGetVersion();
  return fmt::format("cuDNN {}.{}.{}", version / 10000, version % 10000 / 100, version % 100);
}

std::string CudnnLibrary::describe(cudnnStatus_t status) const {
  std::array<char, 512> message{};
  cudnnGetLastErrorString(message.data(), message.size());
  std::string text = cudnnGetErrorString(status);
  if (message[0] != '\0') text += fmt::format(": {}", message.data());
  for (char& character : text)
    if (character == '\n') character = ' ';
  return text;
}

void CudnnLibrary::check(cudnnStatus_t status, const char* function) const {
  XR_CHECK(status == CUDNN_STATUS_SUCCESS, "cuDNN: {} failed: {}", function, describe(status));
}

bool CudnnLibrary::has(cudnnStatus_t status, const char* function) const {
  if (CUDNN_STATUS_CATEGORY(status) == CUDNN_STATUS_NOT_SUPPORTED) return false;
  check(status, function);
  return true;
}

}  // namespace xr::kernels::cudnn
