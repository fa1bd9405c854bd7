#include "kernels/native_stream.h"

#include "kernels/cuda/device/cuda_backend.h"

namespace xr::kernels {

void* native_stream(const Device& device) {
  const auto* const found = dynamic_cast<const cuda::CudaBackend*>(&backend(device));
  return found == nullptr ? nullptr : found->stream();
}

}  // namespace xr::kernels
