// Stands in for kernels/cuda/ in a binary that was built without it.
#include "kernels/common/error_codes.h"
#include "kernels/native_stream.h"
#include "kernels/registry.h"

namespace xr::kernels {

bool has_cuda_backend() {
  return false;
}

const char* cuda_architectures() {
  return "";
}

std::unique_ptr<Backend> make_cuda_backend(int index) {
  throw Error(error_code::device_unavailable,
              fmt::format("device cuda:{} is not available: this binary has no CUDA backend", index));
}

void* native_stream(const Device& /*device*/) {
  return nullptr;
}

}  // namespace xr::kernels
