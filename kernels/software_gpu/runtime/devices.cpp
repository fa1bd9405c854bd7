// Devices, versions and errors.
#include <cstdio>
#include <utility>

#include "kernels/software_gpu/options.h"
#include "kernels/software_gpu/runtime/runtime.h"

using namespace xr::software_gpu;

extern "C" {

cudaError_t cudaGetDeviceCount(int* count) {
  XR_GPU_CALL;
  *count = options().devices;
  return cudaSuccess;
}

cudaError_t cudaGetDevice(int* device) {
  XR_GPU_CALL;
  *device = current_device();
  return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
  XR_GPU_CALL;
  if (device < 0 || device >= options().devices) return remember(cudaErrorInvalidDevice);
  current_device() = device;
  return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) {
  return cudaRuntimeGetVersion(version);
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

// The limits are an H100's; the number of multiprocessors, too, since kernels choose their grids by it.
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  XR_GPU_CALL;
  if (device < 0 || device >= options().devices) return remember(cudaErrorInvalidDevice);
  *properties = {};
  std::snprintf(properties->name, sizeof(properties->name), "software GPU (%s PTX, no hardware)",
                XR_SOFTWARE_GPU_ARCHITECTURE);
  properties->major = XR_SOFTWARE_GPU_CAPABILITY / 10;
  properties->minor = XR_SOFTWARE_GPU_CAPABILITY % 10;
  properties->multiProcessorCount = 132;
  properties->warpSize = 32;
  properties->totalGlobalMem = options().memory_bytes;
  properties->maxThreadsPerBlock = 1024;
  properties->sharedMemPerBlock = 48 * 1024;
  properties->sharedMemPerBlockOptin = 227 * 1024;
  return cudaSuccess;
}

cudaError_t cudaGetLastError() {
  const std::lock_guard lock(runtime().mutex);
  return std::exchange(runtime().last, runtime().broken);
}

cudaError_t cudaPeekAtLastError() {
  const std::lock_guard lock(runtime().mutex);
  return runtime().last;
}

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
#define XR_GPU_NAME(name) \
  case name:              \
    return #name
    XR_GPU_NAME(cudaSuccess);
    XR_GPU_NAME(cudaErrorInvalidValue);
    XR_GPU_NAME(cudaErrorMemoryAllocation);
    XR_GPU_NAME(cudaErrorInvalidConfiguration);
    XR_GPU_NAME(cudaErrorInvalidDevice);
    XR_GPU_NAME(cudaErrorInvalidResourceHandle);
    XR_GPU_NAME(cudaErrorInvalidDeviceFunction);
    XR_GPU_NAME(cudaErrorMissingConfiguration);
    XR_GPU_NAME(cudaErrorLaunchFailure);
    XR_GPU_NAME(cudaErrorAssert);
    XR_GPU_NAME(cudaErrorLaunchOutOfResources);
    XR_GPU_NAME(cudaErrorECCUncorrectable);
    XR_GPU_NAME(cudaErrorUnknown);
    XR_GPU_NAME(cudaErrorIllegalState);
    XR_GPU_NAME(cudaErrorCapturedEvent);
    XR_GPU_NAME(cudaErrorStreamCaptureUnsupported);
    XR_GPU_NAME(cudaErrorStreamCaptureInvalidated);
#undef XR_GPU_NAME
    default:
      return "cudaError";
  }
}

// The text of a fault says where it happened.
const char* cudaGetErrorString(cudaError_t error) {
  const std::lock_guard lock(runtime().mutex);
  if (error != cudaSuccess && error == runtime().broken) return runtime().failure.c_str();
  return cudaGetErrorName(error);
}

}  // extern "C"
