// The queue of a device, for libraries that add work to it.
#pragma once

#include "kernels/registry.h"

namespace xr::kernels {

/// cudaStream_t of a CUDA device's backend; null for other devices. Implemented in cuda/, or in its absent twin.
[[nodiscard]] void* native_stream(const Device& device);

}  // namespace xr::kernels
