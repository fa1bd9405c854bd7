// Codes of errors that someone can act upon. A layer that uses this library adds what to do in its own terms.
#pragma once

#include "kernels/common/error.h"

namespace xr::error_code {

// --- devices
inline constexpr ErrorCode device_unavailable{"device-unavailable"};
inline constexpr ErrorCode driver_missing{"driver-missing"};    ///< no NVIDIA driver
inline constexpr ErrorCode driver_outdated{"driver-outdated"};  ///< older than the CUDA of the binary
inline constexpr ErrorCode architecture_missing{"architecture-missing"};  ///< no kernels for this GPU
inline constexpr ErrorCode library_unavailable{"library-unavailable"};    ///< cuDNN or cuBLAS
inline constexpr ErrorCode precision_unsupported{"precision-unsupported"};
inline constexpr ErrorCode kernels_unsupported{"kernels-unsupported"};  ///< the kernels that were forced
inline constexpr ErrorCode out_of_memory{"out-of-memory"};
inline constexpr ErrorCode out_of_memory_captured{"out-of-memory-captured"};  ///< captured work holds a part

// --- networks
inline constexpr ErrorCode image_too_small{"image-too-small"};
inline constexpr ErrorCode batch_too_small{"batch-too-small"};  ///< one value per channel has no variance

// --- files and data
inline constexpr ErrorCode disk_full{"disk-full"};
inline constexpr ErrorCode patients_unknown{"patients-unknown"};  ///< a split by patient needs them

}  // namespace xr::error_code
