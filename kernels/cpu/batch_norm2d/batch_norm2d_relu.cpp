// Batch normalisation + ReLU [+ 2x2 max pooling with stride 2] in fewer passes over memory.
//
// The composition writes and reads the normalised tensor several times; here it never exists where it is not
// the result. With T = bytes of x (pooling: y and argmax have T/4 and T/16):
//                         composition        here
//   forward               5 T                3 T (x twice, y)
//   forward with pool     6.3 T              2.3 T
//   backward              8 T                5 T (x and dy twice, dx)
//   backward with pool    9.6 T              2.8 T (see batch_norm2d_relu_pool.cpp)
// The ReLU's mask in backward is recomputed from x with forward's expression, so it is the same bit for bit.
#include "kernels/cpu/batch_norm2d/batch_norm2d_passes.h"
#include "kernels/cpu/batch_norm2d/batch_norm2d_relu_pool.h"
#include "kernels/cpu/cpu_backend.h"

namespace xr::kernels::cpu {

bool CpuBackend::has_fused_batch_norm2d_relu(const Shape& x, Layout layout, bool pool) const {
  if (!pool) return x.rank() == 2 || x.rank() == 4;
  // Contiguous: pooling neighbours of one channel does not fill vectors, the composition is as fast.
  return x.rank() == 4 && layout != Layout::contiguous && x[1] <= max_pooled_lanes && x[2] >= 2 && x[3] >= 2;
}

void CpuBackend::batch_norm2d_relu_forward_training(const BatchNormParams& params, bool pool, ConstView x,
                                                    ConstView gamma, ConstView beta, View running_mean,
                                                    View running_var, View y, View argmax, View mean,
                                                    View inverse_std) {
  constexpr const char* operation = "batch_norm2d_relu_forward_training";
  if (!pool)
    return forward_training(operation, params, true, x, gamma, beta, running_mean, running_var, y, mean,
                            inverse_std);
  const PooledShapes shapes(operation, x, y);
  const ChannelLayout layout = checked_layout(operation, x, gamma, beta, mean, inverse_std);
  require_several_per_channel(operation, x, layout.per_channel());
  finish_statistics(params, channel_moments(layout, x.as<float>()), layout.per_channel(), running_mean,
                    running_var, mean, inverse_std);
  const ChannelParameters parameters(layout.channels(), gamma.as<float>(), beta.as<float>(), mean.as<float>(),
                                     inverse_std.as<float>());
  pooled_forward_pass(shapes, parameters, x.as<float>(), y, shapes.winners(operation, argmax));
}

void CpuBackend::batch_norm2d_relu_forward_inference(const BatchNormParams& params, bool pool, ConstView x,
                                                     ConstView gamma, ConstView beta, ConstView running_mean,
                                                     ConstView running_var, View y) {
  constexpr const char* operation = "batch_norm2d_relu_forward_inference";
  if (!pool) return forward_inference(operation, params, true, x, gamma, beta, running_mean, running_var, y);
  const PooledShapes shapes(operation, x, y);
  const ChannelLayout layout = checked_layout(operation, x, gamma, beta, running_mean, running_var);
  const std::vector<float> inverse_std =
      inverse_deviation(params.epsilon, running_var.as<float>(), layout.channels());
  const ChannelParameters parameters(layout.channels(), gamma.as<float>(), beta.as<float>(),
                                     running_mean.as<float>(), inverse_std.data());
  pooled_forward_pass(shapes, parameters, x.as<float>(), y, nullptr);
}

void CpuBackend::batch_norm2d_relu_backward_training(bool pool, ConstView x, ConstView y, ConstView argmax,
                                                     ConstView dy, ConstView gamma, ConstView beta,
                                                     ConstView mean, ConstView inverse_std, View dx,
                                                     GradientWrite write_dx, View d_gamma,
                                                     GradientWrite write_d_gamma, View d_beta,
                                                     GradientWrite write_d_beta) {
  constexpr const char* operation = "batch_norm2d_relu_backward_training";
  if (!pool)
    return backward_training(operation, GradientMask::after_relu, x, dy, gamma, beta, mean, inverse_std, dx,
                             write_dx, d_gamma, write_d_gamma, d_beta, write_d_beta);
  const PooledShapes shapes(operation, x, y);
  const PooledShapes same(operation, x, dy);
  const ChannelLayout layout = checked_layout(operation, x, gamma, beta, mean, inverse_std);
  const std::uint8_t* winners = shapes.winners(operation, argmax);
  const ChannelParameters parameters(layout.channels(), gamma.as<float>(), beta.as<float>(), mean.as<float>(),
                                     inverse_std.as<float>());
  ChannelGradientSums sums =
      pooled_gradient_sums(shapes, parameters, gamma.as<float>(), inverse_std.as<float>(), x.as<float>(),
                           y.as<float>(), winners, dy.as<float>());
  write_channels(sums.dy_x, d_gamma, write_d_gamma);
  write_channels(sums.dy, d_beta, write_d_beta);
  if (!dx.defined()) return;
  const auto count = static_cast<double>(layout.per_channel());
  for (std::size_t c = 0; c < sums.dy.size(); ++c) {
    sums.dy[c] /= count;
    sums.dy_x[c] *= static_cast<double>(inverse_std.as<float>()[c]) / count;
  }
  pooled_backward_pass(shapes, parameters, sums, x.as<float>(), winners, dy.as<float>(), dx, write_dx);
}

}  // namespace xr::kernels::cpu
