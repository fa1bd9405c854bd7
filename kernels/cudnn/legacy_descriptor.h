// Descriptors of cuDNN's older API, which has what the graph API lacks or gives to fewer GPUs.
#pragma once

#include <climits>

#include "kernels/cudnn/convolution_plan.h"

namespace xr::kernels::cudnn {

/// Created and destroyed by functions of the library that are its arguments.
template <class Handle, auto Create, auto Destroy>
class LegacyDescriptor {
 public:
  explicit LegacyDescriptor(const CudnnLibrary& library) : library_(library) {
    library.check((library.*Create)(&handle_), "the creation of a descriptor");
  }
  LegacyDescriptor(const LegacyDescriptor&) = delete;
  LegacyDescriptor& operator=(const LegacyDescriptor&) = delete;
  ~LegacyDescriptor() { (library_.*Destroy)(handle_); }

  [[nodiscard]] Handle get() const { return handle_; }

 private:
  const CudnnLibrary& library_;
  Handle handle_ = nullptr;
};

using ActivationDescriptor =
    LegacyDescriptor<cudnnActivationDescriptor_t, &CudnnLibrary::cudnnCreateActivationDescriptor,
                     &CudnnLibrary::cudnnDestroyActivationDescriptor>;
using PoolingDescriptor =
    LegacyDescriptor<cudnnPoolingDescriptor_t, &CudnnLibrary::cudnnCreatePoolingDescriptor,
                     &CudnnLibrary::cudnnDestroyPoolingDescriptor>;

/// An f32 tensor of any rank; (N, C) is (N, C, 1, 1), what has no images is one row.
class TensorDescriptor
    : public LegacyDescriptor<cudnnTensorDescriptor_t, &CudnnLibrary::cudnnCreateTensorDescriptor,
                              &CudnnLibrary::cudnnDestroyTensorDescriptor> {
 public:
  TensorDescriptor(const CudnnLibrary& library, const ConstView& view);
};

/// Whether the older API may be given these: f32, contiguous or channels_last, and fewer than 2^31 elements.
[[nodiscard]] bool suits_legacy(const ConstView& view);

/// What the older API multiplies results with, and what is there already.
inline constexpr float one = 1.0f, zero = 0.0f;

[[nodiscard]] inline const float* beta_of(GradientWrite write) {
  return write == GradientWrite::accumulate ? &one : &zero;
}

}  // namespace xr::kernels::cudnn
