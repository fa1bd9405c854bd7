// Batch normalisation (Ioffe, Szegedy, ICML 2015) of (N, C, H, W), contiguous or channels_last, and of (N,
// C).
//
// Forward: y = (x - mean) scale + beta with scale = gamma inverse_std; in training with the batch's mean and
// biased variance, and the running statistics move by momentum towards the mean and the unbiased variance.
// Backward through them, with xhat = (x - mean) inverse_std and means over the batch:
//   d_beta = sum dy;  d_gamma = sum dy xhat;  dx = scale (dy - mean(dy) - xhat mean(dy xhat))
// Bytes with T = bytes of x: training forward 3 T (x twice, y), backward 5 T (x and dy twice, dx); inference
// forward 2 T, backward 2 T for dx and 2 T for the parameters. About 7 operations per element forward, 9
// backward. Bound by memory. The passes are in batch_norm2d_statistics.cu and batch_norm2d_passes.cu.
#include "kernels/cuda/batch_norm2d/batch_norm2d.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

void KernelBackend::batch_norm2d_forward_training(const BatchNormParams& params, ConstView x, ConstView gamma,
                                                  ConstView beta, View running_mean, View running_var, View y,
                                                  View mean, View inverse_std) {
  constexpr const char* operation = "batch_norm2d_forward_training";
  const ChannelParameters parameters = batch_parameters(operation, x, gamma, beta, mean, inverse_std);
  batch_statistics(*this, operation, params, x, running_mean, running_var, mean, inverse_std);
  normalise(*this, operation, false, x, parameters, y);
}

void KernelBackend::batch_norm2d_forward_inference(const BatchNormParams& params, ConstView x,
                                                   ConstView gamma, ConstView beta, ConstView running_mean,
                                                   ConstView running_var, View y) {
  constexpr const char* operation = "batch_norm2d_forward_inference";
  if (x.numel() == 0) return;
  normalise(*this, operation, false, x,
            running_parameters(operation, params, x, gamma, beta, running_mean, running_var), y);
}

void KernelBackend::batch_norm2d_backward_training(ConstView x, ConstView dy, ConstView gamma, ConstView mean,
                                                   ConstView inverse_std, View dx, GradientWrite write_dx,
                                                   View d_gamma, GradientWrite write_d_gamma, View d_beta,
                                                   GradientWrite write_d_beta) {
  constexpr const char* operation = "batch_norm2d_backward_training";
  const ChannelParameters parameters = batch_parameters(operation, x, gamma, {}, mean, inverse_std);
  const GradientMeans means = channel_gradients(*this, operation, false, x, dy, parameters,
                                                {d_gamma, write_d_gamma, d_beta, write_d_beta});
  if (dx.defined()) input_gradient(*this, operation, false, x, dy, parameters, means, dx, write_dx);
}

void KernelBackend::batch_norm2d_backward_inference(const BatchNormParams& params, ConstView x, ConstView dy,
                                                    ConstView gamma, ConstView running_mean,
                                                    ConstView running_var, View dx, GradientWrite write_dx,
                                                    View d_gamma, GradientWrite write_d_gamma, View d_beta,
                                                    GradientWrite write_d_beta) {
  constexpr const char* operation = "batch_norm2d_backward_inference";
  const ChannelParameters parameters =
      running_parameters(operation, params, x, gamma, {}, running_mean, running_var);
  if (d_gamma.defined() || d_beta.defined())
    (void)channel_gradients(*this, operation, false, x, dy, parameters,
                            {d_gamma, write_d_gamma, d_beta, write_d_beta});
  if (!dx.defined()) return;
  require_same_form(operation, "x", x, "dy", dy);
  require_dtype(operation, "dy", dy, x.dtype);
  input_gradient(*this, operation, false, x, dy, parameters, {}, dx, write_dx);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
