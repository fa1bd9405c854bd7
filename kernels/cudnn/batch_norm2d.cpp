// Batch normalisation over N, H and W through cudnnBatchNormalization*: the statistics that it saves are the
// mean and 1 / sqrt(biased variance + epsilon), its running variance is the unbiased one: as in backend.h.
#include "kernels/cudnn/cudnn_operations.h"

namespace xr::kernels::cudnn {

namespace {

/// The per-channel parameters of x, as cuDNN sees them.
ConstView channel_view(const ConstView& x) {
  return {nullptr, {1, x.shape[1], 1, 1}};
}

bool suits(const ConstView& x) {
  // One value per channel has no variance: what is to happen then, the own kernels say.
  return suits_legacy(x) && x.shape.rank() >= 2 && x.numel() > x.shape[1];
}

}  // namespace

Ran CudnnOperations::run(const BatchNorm2dForwardTraining& call) {
  if (!suits(call.x) || !suits_legacy(call.y) || !call.running_mean.defined() || !call.running_var.defined())
    return {};
  const TensorDescriptor x_form(cudnn_, call.x), y_form(cudnn_, call.y),
      channels(cudnn_, channel_view(call.x));
  if (!XR_CUDNN_TRY(cudnn_, cudnnBatchNormalizationForwardTraining, handle_, CUDNN_BATCHNORM_SPATIAL, &one,
                    &zero, x_form.get(), call.x.data, y_form.get(), call.y.data, channels.get(),
                    call.gamma.data, call.beta.data, static_cast<double>(call.params.momentum),
                    call.running_mean.data, call.running_var.data, static_cast<double>(call.params.epsilon),
                    call.mean.data, call.inverse_std.data))
    return {};
  return {Library::cudnn, "cudnn batch_norm2d_forward_training"};
}

Ran CudnnOperations::run(const BatchNorm2dForwardInference& call) {
  if (!suits(call.x) || !suits_legacy(call.y)) return {};
  const TensorDescriptor x_form(cudnn_, call.x), y_form(cudnn_, call.y),
      channels(cudnn_, channel_view(call.x));
  if (!XR_CUDNN_TRY(cudnn_, cudnnBatchNormalizationForwardInference, handle_, CUDNN_BATCHNORM_SPATIAL, &one,
                    &zero, x_form.get(), call.x.data, y_form.get(), call.y.data, channels.get(),
                    call.gamma.data, call.beta.data, call.running_mean.data, call.running_var.data,
                    static_cast<double>(call.params.epsilon)))
    return {};
  return {Library::cudnn, "cudnn batch_norm2d_forward_inference"};
}

Ran CudnnOperations::run(const BatchNorm2dBackwardTraining& call) {
  // cuDNN writes all three, and both parameters' gradients in one way.
  if (!suits(call.x) || !suits_legacy(call.dy) || !call.dx.view.defined() || !call.d_gamma.view.defined() ||
      !call.d_beta.view.defined() || call.d_gamma.write != call.d_beta.write)
    return {};
  const TensorDescriptor x_form(cudnn_, call.x), dy_form(cudnn_, call.dy), dx_form(cudnn_, call.dx.view),
      channels(cudnn_, channel_view(call.x));
  // With the saved statistics epsilon is not used.
  if (!XR_CUDNN_TRY(cudnn_, cudnnBatchNormalizationBackward, handle_, CUDNN_BATCHNORM_SPATIAL, &one,
                    beta_of(call.dx.write), &one, beta_of(call.d_gamma.write), x_form.get(), call.x.data,
                    dy_form.get(), call.dy.data, dx_form.get(), call.dx.view.data, channels.get(),
                    call.gamma.data, call.d_gamma.view.data, call.d_beta.view.data, 1e-5, call.mean.data,
                    call.inverse_std.data))
    return {};
  return {Library::cudnn, "cudnn batch_norm2d_backward_training"};
}

}  // namespace xr::kernels::cudnn
