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
inline constexpr ErrorCode layout_ambiguous{"layout-ambiguous"};  ///< folders that can be read in two ways
inline constexpr ErrorCode labels_needed{"labels-needed"};        ///< folders that are no classes
inline constexpr ErrorCode table_unusable{"table-unusable"};      ///< a column that is not there, an encoding
inline constexpr ErrorCode table_unmatched{"table-unmatched"};    ///< it names none of the images
inline constexpr ErrorCode class_unreadable{"class-unreadable"};  ///< most files of a class cannot be read

// --- files of weights
inline constexpr ErrorCode weights_unrecognised{"weights-unrecognised"};  ///< by its content: no such file
inline constexpr ErrorCode weights_lfs_pointer{"weights-lfs-pointer"};    ///< of Git LFS, instead of the file
inline constexpr ErrorCode weights_web_page{"weights-web-page"};          ///< instead of the download
inline constexpr ErrorCode weights_not_plain{"weights-not-plain"};  ///< more than a dictionary of tensors
inline constexpr ErrorCode weights_damaged{"weights-damaged"};
inline constexpr ErrorCode weights_unfit{"weights-unfit"};            ///< of another network
inline constexpr ErrorCode weights_of_pytorch{"weights-of-pytorch"};  ///< where a checkpoint is needed

// --- images
inline constexpr ErrorCode not_an_image{"not-an-image"};            ///< by its content: text, archive, ...
inline constexpr ErrorCode image_unsupported{"image-unsupported"};  ///< a format or process that is not read
inline constexpr ErrorCode image_library_missing{"image-library-missing"};  ///< this build cannot read it
inline constexpr ErrorCode image_truncated{"image-truncated"};
inline constexpr ErrorCode image_damaged{"image-damaged"};
inline constexpr ErrorCode image_size{"image-size"};  ///< more or fewer pixels than allowed

}  // namespace xr::error_code
