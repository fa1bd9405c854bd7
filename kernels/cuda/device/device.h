// The one header through which a kernel's source sees its device: CUDA's own words when nvcc compiles it, the
// SIMT executor's when the host compiler does. Both offer the same wrappers in the namespace of the device:
//   launch(kernel, grid, block, shared_bytes, stream, arguments...)        Stream
//   XR_DYNAMIC_SHARED(T, name)                 the block's dynamic shared memory
//   copy_async<Bytes>, copy_async_commit, copy_async_wait<Groups>          async_copy.h
//   mma_m16n8k8_tf32, mma_m16n8k16_bf16, to_tf32, ldmatrix_x4 ...          mma.h
// Everything in kernels/cuda/*.cu lives in namespace xr::kernels::XR_DEVICE_NAMESPACE, so that one program
// can hold both.
#pragma once

#if defined(__CUDACC__)
#define XR_DEVICE_NAMESPACE cuda
#include "kernels/cuda/device/async_copy.h"
#include "kernels/cuda/device/launch.h"
#include "kernels/cuda/device/mma.h"
#else
#define XR_DEVICE_NAMESPACE simt
#include "kernels/simt/device.h"
#endif
