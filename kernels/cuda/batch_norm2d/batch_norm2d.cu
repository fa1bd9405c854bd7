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

void KernelBackend::compute(const BatchNorm2dForwardTraining& call) {
  constexpr const char* operation = "batch_norm2d_forward_training";
  const ChannelParameters parameters = batch_parameters(call.gamma, call.beta, call.mean, call.inverse_std);
  batch_statistics(*this, operation, call.params, call.x, call.running_mean, call.running_var, call.mean,
                   call.inverse_std);
  normalise(*this, operation, no_rectifier, call.x, parameters, call.y);
}

void KernelBackend::compute(const BatchNorm2dForwardInference& call) {
  constexpr const char* operation = "batch_norm2d_forward_inference";
  if (call.x.numel() == 0) return;
  normalise(*this, operation, no_rectifier, call.x,
            running_parameters(call.params, call.gamma, call.beta, call.running_mean, call.running_var),
            call.y);
}

void KernelBackend::compute(const BatchNorm2dBackwardTraining& call) {
  constexpr const char* operation = "batch_norm2d_backward_training";
  const ChannelParameters parameters = batch_parameters(call.gamma, {}, call.mean, call.inverse_std);
  const GradientMeans means = channel_gradients(*this, operation, no_rectifier, call.x, call.dy, parameters,
                                                {call.d_gamma, call.d_beta});
  if (call.dx.view.defined())
    input_gradient(*this, operation, no_rectifier, call.x, call.dy, parameters, means, call.dx.view,
                   call.dx.write);
}

void KernelBackend::compute(const BatchNorm2dBackwardInference& call) {
  constexpr const char* operation = "batch_norm2d_backward_inference";
  const ChannelParameters parameters =
      running_parameters(call.params, call.gamma, {}, call.running_mean, call.running_var);
  if (call.d_gamma.view.defined() || call.d_beta.view.defined())
    (void)channel_gradients(*this, operation, no_rectifier, call.x, call.dy, parameters,
                            {call.d_gamma, call.d_beta});
  if (!call.dx.view.defined()) return;
  input_gradient(*this, operation, no_rectifier, call.x, call.dy, parameters, {}, call.dx.view,
                 call.dx.write);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
