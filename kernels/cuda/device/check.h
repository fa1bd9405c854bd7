// Statuses of the CUDA runtime become errors.
#pragma once

#include <cuda_runtime_api.h>

#include "kernels/common/error.h"

/// Throws xr::Error with the runtime's own words unless `call` succeeds.
#define XR_CUDA_CHECK(call)                                                                              \
  do {                                                                                                   \
    const cudaError_t xr_status = (call);                                                                \
    XR_CHECK(xr_status == cudaSuccess, "CUDA: {} failed: {} ({})", #call, cudaGetErrorString(xr_status), \
             cudaGetErrorName(xr_status));                                                               \
  } while (false)
