// Batch normalisation + ReLU, ReLU6, or ReLU + 2x2 max pooling with stride 2, in fewer passes over memory than
// the parts alone.
//
// Without pooling every shape and layout of batch_norm2d.cu; with it (N, C, H, W), channels_last.
// The normalised tensor never exists where it is not the result. With T = bytes of x (pooling: y has T/4, the
// winners a byte per output, in f32 T/16):
//                         composition        here
//   forward               5 T                3 T (x twice, y)
//   forward with pool     6.3 T              2.3 T (x twice, y, the winners)
//   backward              8 T                5 T (x and dy twice, dx)
//   backward with pool    9.6 T              2.8 T (see batch_norm2d_relu_pool.cu)
// The ReLU's mask in backward is computed again from x with forward's expression, so it is the same bit for
// bit.
#include "kernels/cuda/batch_norm2d/batch_norm2d.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

template <class Call>
Rectifier rectifier_of(const Call& call) {
  return call.relu6 ? relu6_rectifier : relu_rectifier;
}

}  // namespace

bool KernelBackend::has_fused_batch_norm2d_relu(const Shape& x, Layout layout, bool pool) const {
  if (!pool) return (x.rank() == 2 || x.rank() == 4) && layout != Layout::blocked16;
  // Contiguous: the neighbours of a window lie in vectors of their own, the composition is as fast.
  return x.rank() == 4 && layout == Layout::channels_last && x[2] >= 2 && x[3] >= 2;
}

void KernelBackend::compute(const BatchNorm2dReluForwardTraining& call) {
  constexpr const char* operation = "batch_norm2d_relu_forward_training";
  const ChannelParameters parameters = batch_parameters(call.gamma, call.beta, call.mean, call.inverse_std);
  batch_statistics(*this, operation, call.params, call.x, call.running_mean, call.running_var, call.mean,
                   call.inverse_std);
  if (call.pool)
    normalise_and_pool(*this, operation, call.x, parameters, call.y, call.argmax.as<std::uint8_t>());
  else
    normalise(*this, operation, rectifier_of(call), call.x, parameters, call.y);
}

void KernelBackend::compute(const BatchNorm2dReluForwardInference& call) {
  constexpr const char* operation = "batch_norm2d_relu_forward_inference";
  if (call.x.numel() == 0) return;
  const ChannelParameters parameters =
      running_parameters(call.params, call.gamma, call.beta, call.running_mean, call.running_var);
  if (call.pool)
    normalise_and_pool(*this, operation, call.x, parameters, call.y, nullptr);
  else
    normalise(*this, operation, rectifier_of(call), call.x, parameters, call.y);
}

void KernelBackend::compute(const BatchNorm2dReluBackwardTraining& call) {
  constexpr const char* operation = "batch_norm2d_relu_backward_training";
  const ChannelParameters parameters = batch_parameters(call.gamma, call.beta, call.mean, call.inverse_std);
  const ParameterGradients gradients{call.d_gamma, call.d_beta};
  if (!call.pool) {
    const GradientMeans means =
        channel_gradients(*this, operation, rectifier_of(call), call.x, call.dy, parameters, gradients);
    if (call.dx.view.defined())
      input_gradient(*this, operation, rectifier_of(call), call.x, call.dy, parameters, means, call.dx.view,
                     call.dx.write);
    return;
  }
  const auto* winners = call.argmax.as<std::uint8_t>();
  const GradientMeans means =
      pooled_channel_gradients(*this, operation, call.x, call.y, winners, call.dy, parameters, gradients);
  if (call.dx.view.defined())
    pooled_input_gradient(*this, operation, call.x, winners, call.dy, parameters, means, call.dx.view,
                          call.dx.write);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
