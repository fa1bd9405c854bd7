// Batch normalisation over N, H and W through cudnnBatchNormalization*: the statistics that it saves are the
// mean and 1 / sqrt(biased variance + epsilon), its running variance is the unbiased one: as in backend.h.
#include "kernels/cudnn/cudnn_operations.h"

namespace xr::kernels::cudnn {

namespace {

constexpr float one = 1.0f, zero = 0.0f;

const float* beta_of(GradientWrite write) {
  return write == GradientWrite::accumulate ? &one : &zero;
}

/// The per-channel parameters of x, as cuDNN sees them.
ConstView channel_view(const ConstView& x) {
  return {nullptr, {1, x.shape[1], 1, 1}};
}

bool suits(const ConstView& x) {
  // One value per channel has no variance: what is to happen then, the own kernels say.
  return suits_legacy(x) && x.shape.rank() >= 2 && x.numel() > x.shape[1];
}

}  // namespace

Ran CudnnOperations::batch_norm2d_forward_training(const BatchNormParams& params, ConstView x,
                                                   ConstView gamma, ConstView beta, View running_mean,
                                                   View running_var, View y, View mean, View inverse_std) {
  if (!suits(x) || !suits_legacy(y)) return nullptr;
  const TensorDescriptor x_form(cudnn_, x), y_form(cudnn_, y), channels(cudnn_, channel_view(x));
  if (!XR_CUDNN_TRY(cudnn_, cudnnBatchNormalizationForwardTraining, handle_, CUDNN_BATCHNORM_SPATIAL, &one,
                    &zero, x_form.get(), x.data, y_form.get(), y.data, channels.get(), gamma.data, beta.data,
                    static_cast<double>(params.momentum), running_mean.data, running_var.data,
                    static_cast<double>(params.epsilon), mean.data, inverse_std.data))
    return nullptr;
  return "cudnn batch_norm2d_forward_training";
}

Ran CudnnOperations::batch_norm2d_forward_inference(const BatchNormParams& params, ConstView x,
                                                    ConstView gamma, ConstView beta, ConstView running_mean,
                                                    ConstView running_var, View y) {
  if (!suits(x) || !suits_legacy(y)) return nullptr;
  const TensorDescriptor x_form(cudnn_, x), y_form(cudnn_, y), channels(cudnn_, channel_view(x));
  if (!XR_CUDNN_TRY(cudnn_, cudnnBatchNormalizationForwardInference, handle_, CUDNN_BATCHNORM_SPATIAL, &one,
                    &zero, x_form.get(), x.data, y_form.get(), y.data, channels.get(), gamma.data, beta.data,
                    running_mean.data, running_var.data, static_cast<double>(params.epsilon)))
    return nullptr;
  return "cudnn batch_norm2d_forward_inference";
}

Ran CudnnOperations::batch_norm2d_backward_training(ConstView x, ConstView dy, ConstView gamma,
                                                    ConstView mean, ConstView inverse_std, View dx,
                                                    GradientWrite write_dx, View d_gamma,
                                                    GradientWrite write_d_gamma, View d_beta,
                                                    GradientWrite write_d_beta) {
  // cuDNN writes all three, and both parameters' gradients in one way.
  if (!suits(x) || !suits_legacy(dy) || !dx.defined() || !d_gamma.defined() || !d_beta.defined() ||
      write_d_gamma != write_d_beta)
    return nullptr;
  const TensorDescriptor x_form(cudnn_, x), dy_form(cudnn_, dy), dx_form(cudnn_, dx),
      channels(cudnn_, channel_view(x));
  // With the saved statistics epsilon is not used.
  if (!XR_CUDNN_TRY(cudnn_, cudnnBatchNormalizationBackward, handle_, CUDNN_BATCHNORM_SPATIAL, &one,
                    beta_of(write_dx), &one, beta_of(write_d_gamma), x_form.get(), x.data, dy_form.get(),
                    dy.data, dx_form.get(), dx.data, channels.get(), gamma.data, d_gamma.data, d_beta.data,
                    1e-5, mean.data, inverse_std.data))
    return nullptr;
  return "cudnn batch_norm2d_backward_training";
}

}  // namespace xr::kernels::cudnn
