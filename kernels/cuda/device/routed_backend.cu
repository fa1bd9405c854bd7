#include "kernels/cuda/device/routed_backend.h"

#include "kernels/cuda/suits.h"

namespace xr::kernels::cuda {

RoutedBackend::RoutedBackend(Stream stream, int device)
    : KernelBackend(stream), chooser_([this, stream, device] {
        XR_CUDA_CHECK(cudaSetDevice(device));
        return cudnn::make_operations({*this, stream, [this] { return has_captured(); }});
      }) {}

void RoutedBackend::configure(const BackendOptions& options) {
  chooser_.configure(options);
  KernelBackend::configure(options);
}

bool RoutedBackend::has_fused_batch_norm2d_relu(const Shape& x, Layout layout, bool pool) const {
  return chooser_.choice() != KernelChoice::cudnn &&
         KernelBackend::has_fused_batch_norm2d_relu(x, layout, pool);
}

void RoutedBackend::free_workspace() noexcept {
  chooser_.close();
  KernelBackend::free_workspace();
}

template <class Call>
void RoutedBackend::route(const Call& call) {
  cudnn::Operations* const libraries = chooser_.libraries_for(Call::name, suits(call));
  if (libraries == nullptr) return KernelBackend::compute(call);
  use_device();
  const cudnn::Ran ran = libraries->run(call);
  chooser_.remember(Call::name, ran);
  if (!ran) return KernelBackend::compute(call);
  if (records() != nullptr)
    records()->push_back({ran.kernel, {}, {}, 0, call.bytes(), call.flops(), ran.library});
}

#define XR_ROUTE(Call) template void RoutedBackend::route(const Call& call);
XR_FOR_EACH_LIBRARY_CALL(XR_ROUTE)
#undef XR_ROUTE

}  // namespace xr::kernels::cuda
