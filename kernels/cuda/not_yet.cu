// Operations without a hand-written kernel so far.
#include "kernels/cuda/kernel_backend.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

void KernelBackend::batch_norm2d_forward_training(const BatchNormParams&, ConstView, ConstView, ConstView,
                                                  View, View, View, View, View) {
  throw Error("batch_norm2d_forward_training has no CUDA kernel yet: use --device cpu");
}

void KernelBackend::batch_norm2d_forward_inference(const BatchNormParams&, ConstView, ConstView, ConstView,
                                                   ConstView, ConstView, View) {
  throw Error("batch_norm2d_forward_inference has no CUDA kernel yet: use --device cpu");
}

void KernelBackend::batch_norm2d_backward_training(ConstView, ConstView, ConstView, ConstView, ConstView,
                                                   View, GradientWrite, View, GradientWrite, View,
                                                   GradientWrite) {
  throw Error("batch_norm2d_backward_training has no CUDA kernel yet: use --device cpu");
}

void KernelBackend::batch_norm2d_backward_inference(const BatchNormParams&, ConstView, ConstView, ConstView,
                                                    ConstView, ConstView, View, GradientWrite, View,
                                                    GradientWrite, View, GradientWrite) {
  throw Error("batch_norm2d_backward_inference has no CUDA kernel yet: use --device cpu");
}

bool KernelBackend::has_fused_batch_norm2d_relu(const Shape&, Layout, bool) const {
  throw Error("has_fused_batch_norm2d_relu has no CUDA kernel yet: use --device cpu");
}

void KernelBackend::batch_norm2d_relu_forward_training(const BatchNormParams&, bool, ConstView, ConstView,
                                                       ConstView, View, View, View, View, View, View) {
  throw Error("batch_norm2d_relu_forward_training has no CUDA kernel yet: use --device cpu");
}

void KernelBackend::batch_norm2d_relu_backward_training(bool, ConstView, ConstView, ConstView, ConstView,
                                                        ConstView, ConstView, ConstView, ConstView, View,
                                                        GradientWrite, View, GradientWrite, View,
                                                        GradientWrite) {
  throw Error("batch_norm2d_relu_backward_training has no CUDA kernel yet: use --device cpu");
}

void KernelBackend::batch_norm2d_relu_forward_inference(const BatchNormParams&, bool, ConstView, ConstView,
                                                        ConstView, ConstView, ConstView, View) {
  throw Error("batch_norm2d_relu_forward_inference has no CUDA kernel yet: use --device cpu");
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
