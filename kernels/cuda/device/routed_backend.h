// The hand-written kernels, and cuDNN and cuBLAS beside them: each call goes to one or the other, as
// kernels/common/kernel_choice.h decides.
#pragma once

#include "kernels/common/kernel_choice.h"
#include "kernels/cuda/kernel_backend.h"

namespace xr::kernels::cuda {

class RoutedBackend : public KernelBackend {
 public:
  /// Throws Error for KernelChoice::cudnn without the libraries.
  void configure(const BackendOptions& options) override;
  /// Under KernelChoice::cudnn the parts run, each in the library.
  bool has_fused_batch_norm2d_relu(const Shape& x, Layout layout, bool pool) const override;

 protected:
  RoutedBackend(Stream stream, int device);

  using KernelBackend::compute;
#define XR_COMPUTE(Call)                    \
  void compute(const Call& call) override { \
    route(call);                            \
  }
  XR_FOR_EACH_LIBRARY_CALL(XR_COMPUTE)
#undef XR_COMPUTE

  /// Closes the libraries, and then what the hand-written kernels keep. Derived classes call this before their
  /// allocator dies.
  void free_workspace() noexcept;

 private:
  template <class Call>
  void route(const Call& call);

  KernelChooser chooser_;
};

}  // namespace xr::kernels::cuda
