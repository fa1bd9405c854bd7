// A GPU for which cuDNN can make plans although the machine has none.
#pragma once

#include "kernels/cudnn/descriptor.h"

namespace xr::tests {

/// The properties of an H100 SXM (compute capability 9.0), as CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR takes them
/// from cuDNN 9.8 on. The JSON names are those that cuDNN writes when it serialises a device; the values are
/// those of NVIDIA's data sheet and of the CUDA programming guide's table for 9.0.
[[nodiscard]] inline kernels::cudnn::Descriptor make_h100_properties(
    const kernels::cudnn::CudnnLibrary& library) {
  constexpr std::string_view json = R"({
    "deviceVer": 900, "deviceName": "NVIDIA H100 80GB HBM3", "multiProcessorCount": 132, "warpSize": 32,
    "maxSharedMemoryPerBlock": 49152, "maxSharedMemoryPerBlockOptin": 232448, "reservedSharedMemoryPerBlock": 1024,
    "maxRegistersPerSM": 65536, "regsPerBlock": 65536, "maxCtasPerSM": 32, "maxThreadsPerBlock": 1024,
    "maxThreadsPerSM": 2048, "maxBlockSize": [1024, 1024, 64], "maxGridSize": [2147483647, 65535, 65535],
    "totalGlobalMem": 85029158912, "l2CacheSize": 52428800, "smClockRateKHz": 1980000, "memClockRateKHz": 2619000,
    "supportCoopLaunch": 1, "pciDeviceId": 0, "isTccDriver": 0, "cudaDeviceId": 0, "driverVer": 13000})";
  kernels::cudnn::Descriptor properties(library, CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  properties.set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, std::span<const char>(json));
  properties.finalize();
  return properties;
}

}  // namespace xr::tests
