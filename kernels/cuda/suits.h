// Whether a hand-written kernel is made for a call. Where none is, a plain one runs that takes everything, and
// RoutedBackend asks cuDNN and cuBLAS first. A predicate is defined beside its kernels; a call without one has a kernel
// for all operands.
#pragma once

#include "kernels/cuda/kernel_backend.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

template <class Call>
[[nodiscard]] bool suits(const Call& /*call*/) {
  return true;
}
[[nodiscard]] bool suits(const Conv2dForward& call);         // conv2d/conv2d.cu
[[nodiscard]] bool suits(const Conv2dBackwardData& call);    // conv2d/conv2d.cu
[[nodiscard]] bool suits(const Conv2dBackwardFilter& call);  // conv2d/conv2d.cu
[[nodiscard]] bool suits(const Matmul& call);                // matmul.cu
[[nodiscard]] bool suits(const LinearForward& call);         // linear.cu

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
