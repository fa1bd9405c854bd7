// Batch normalisation + ReLU [+ 2x2 max pooling with stride 2] in fewer passes over memory than the three
// alone.
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

void require_winners(const char* operation, const ConstView& argmax, const ConstView& y) {
  XR_CHECK(argmax.dtype == DType::u8 && argmax.numel() >= y.numel(),
           "{}: argmax is {} with {} elements: it must be u8 with {}", operation, name_of(argmax.dtype),
           argmax.numel(), y.numel());
}

}  // namespace

bool KernelBackend::has_fused_batch_norm2d_relu(const Shape& x, Layout layout, bool pool) const {
  if (!pool) return (x.rank() == 2 || x.rank() == 4) && layout != Layout::blocked16;
  // Contiguous: the neighbours of a window lie in vectors of their own, the composition is as fast.
  return x.rank() == 4 && layout == Layout::channels_last && x[2] >= 2 && x[3] >= 2;
}

void KernelBackend::batch_norm2d_relu_forward_training(const BatchNormParams& params, bool pool, ConstView x,
                                                       ConstView gamma, ConstView beta, View running_mean,
                                                       View running_var, View y, View argmax, View mean,
                                                       View inverse_std) {
  constexpr const char* operation = "batch_norm2d_relu_forward_training";
  const ChannelParameters parameters = batch_parameters(operation, x, gamma, beta, mean, inverse_std);
  if (pool) require_winners(operation, argmax, y);
  batch_statistics(*this, operation, params, x, running_mean, running_var, mean, inverse_std);
  if (pool)
    normalise_and_pool(*this, operation, x, parameters, y, argmax.as<std::uint8_t>());
  else
    normalise(*this, operation, true, x, parameters, y);
}

void KernelBackend::batch_norm2d_relu_forward_inference(const BatchNormParams& params, bool pool, ConstView x,
                                                        ConstView gamma, ConstView beta,
                                                        ConstView running_mean, ConstView running_var,
                                                        View y) {
  constexpr const char* operation = "batch_norm2d_relu_forward_inference";
  if (x.numel() == 0) return;
  const ChannelParameters parameters =
      running_parameters(operation, params, x, gamma, beta, running_mean, running_var);
  if (pool)
    normalise_and_pool(*this, operation, x, parameters, y, nullptr);
  else
    normalise(*this, operation, true, x, parameters, y);
}

void KernelBackend::batch_norm2d_relu_backward_training(bool pool, ConstView x, ConstView y, ConstView argmax,
                                                        ConstView dy, ConstView gamma, ConstView beta,
                                                        ConstView mean, ConstView inverse_std, View dx,
                                                        GradientWrite write_dx, View d_gamma,
                                                        GradientWrite write_d_gamma, View d_beta,
                                                        GradientWrite write_d_beta) {
  constexpr const char* operation = "batch_norm2d_relu_backward_training";
  const ChannelParameters parameters = batch_parameters(operation, x, gamma, beta, mean, inverse_std);
  const ParameterGradients gradients{d_gamma, write_d_gamma, d_beta, write_d_beta};
  if (!pool) {
    const GradientMeans means = channel_gradients(*this, operation, true, x, dy, parameters, gradients);
    if (dx.defined()) input_gradient(*this, operation, true, x, dy, parameters, means, dx, write_dx);
    return;
  }
  require_winners(operation, argmax, y);
  const auto* winners = argmax.as<std::uint8_t>();
  const GradientMeans means =
      pooled_channel_gradients(*this, operation, x, y, winners, dy, parameters, gradients);
  if (dx.defined()) pooled_input_gradient(*this, operation, x, winners, dy, parameters, means, dx, write_dx);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
