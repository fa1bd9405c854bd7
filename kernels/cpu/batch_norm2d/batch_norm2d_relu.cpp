// Batch normalisation + ReLU, ReLU6, or ReLU + 2x2 max pooling with stride 2, in fewer passes over memory.
//
// The composition writes and reads the normalised tensor several times; here it never exists where it is not
// the result. With T = bytes of x (pooling: y and argmax have T/4 and T/16):
//                         composition        here
//   forward               5 T                3 T (x twice, y)
//   forward with pool     6.3 T              2.3 T
//   backward              8 T                5 T (x and dy twice, dx)
//   backward with pool    9.6 T              2.8 T (see batch_norm2d_relu_pool.cpp)
// The ReLU's mask in backward is recomputed from x with forward's expression, so it is the same bit for bit.
#include "kernels/common/checks.h"
#include "kernels/cpu/batch_norm2d/batch_norm2d_passes.h"
#include "kernels/cpu/batch_norm2d/batch_norm2d_relu_pool.h"
#include "kernels/cpu/cpu_backend.h"

namespace xr::kernels::cpu {

namespace {

template <class Call>
Rectifier rectifier_of(const Call& call) {
  return call.relu6 ? Rectifier::relu6 : Rectifier::relu;
}

}  // namespace

bool CpuBackend::has_fused_batch_norm2d_relu(const Shape& x, Layout layout, bool pool) const {
  if (!pool) return x.rank() == 2 || x.rank() == 4;
  // Contiguous: pooling neighbours of one channel does not fill vectors, the composition is as fast.
  return x.rank() == 4 && layout != Layout::contiguous && x[1] <= max_pooled_lanes && x[2] >= 2 && x[3] >= 2;
}

void CpuBackend::compute(const BatchNorm2dReluForwardTraining& call) {
  if (!call.pool)
    return forward_training(call.params, rectifier_of(call), call.x, call.gamma, call.beta, call.running_mean,
                            call.running_var, call.y, call.mean, call.inverse_std);
  const PooledShapes shapes(call.name, call.x, call.y);
  const ChannelLayout layout = channel_layout(call.x.shape, call.x.layout);
  with_activation_type(call.name, call.x.dtype, [&](auto type) {
    const auto* x = call.x.as<decltype(type)>();
    finish_statistics(call.params, channel_moments(layout, x), layout.per_channel(), call.running_mean,
                      call.running_var, call.mean, call.inverse_std);
    const ChannelParameters parameters(layout.channels(), call.gamma.as<float>(), call.beta.as<float>(),
                                       call.mean.as<float>(), call.inverse_std.as<float>());
    pooled_forward_pass(shapes, parameters, x, call.y, call.argmax.as<std::uint8_t>());
  });
}

void CpuBackend::compute(const BatchNorm2dReluForwardInference& call) {
  if (!call.pool)
    return forward_inference(call.params, rectifier_of(call), call.x, call.gamma, call.beta,
                             call.running_mean, call.running_var, call.y);
  const PooledShapes shapes(call.name, call.x, call.y);
  const ChannelLayout layout = channel_layout(call.x.shape, call.x.layout);
  const std::vector<float> inverse_std =
      inverse_deviation(call.params.epsilon, call.running_var.as<float>(), layout.channels());
  const ChannelParameters parameters(layout.channels(), call.gamma.as<float>(), call.beta.as<float>(),
                                     call.running_mean.as<float>(), inverse_std.data());
  with_activation_type(call.name, call.x.dtype, [&](auto type) {
    pooled_forward_pass(shapes, parameters, call.x.as<decltype(type)>(), call.y, nullptr);
  });
}

void CpuBackend::compute(const BatchNorm2dReluBackwardTraining& call) {
  if (!call.pool)
    return backward_training(mask_of(rectifier_of(call)), call.x, call.dy, call.gamma, call.beta, call.mean,
                             call.inverse_std, call.dx.view, call.dx.write, call.d_gamma.view,
                             call.d_gamma.write, call.d_beta.view, call.d_beta.write);
  const PooledShapes shapes(call.name, call.x, call.y);
  const ChannelLayout layout = channel_layout(call.x.shape, call.x.layout);
  const std::uint8_t* winners = call.argmax.as<std::uint8_t>();
  const ChannelParameters parameters(layout.channels(), call.gamma.as<float>(), call.beta.as<float>(),
                                     call.mean.as<float>(), call.inverse_std.as<float>());
  with_activation_type(call.name, call.x.dtype, [&](auto type) {
    using T = decltype(type);
    ChannelGradientSums sums =
        pooled_gradient_sums(shapes, parameters, call.gamma.as<float>(), call.inverse_std.as<float>(),
                             call.x.as<T>(), call.y.as<T>(), winners, call.dy.as<T>());
    write_channels(sums.dy_x, call.d_gamma.view, call.d_gamma.write);
    write_channels(sums.dy, call.d_beta.view, call.d_beta.write);
    if (!call.dx.view.defined()) return;
    const auto count = static_cast<double>(layout.per_channel());
    for (std::size_t c = 0; c < sums.dy.size(); ++c) {
      sums.dy[c] /= count;
      sums.dy_x[c] *= static_cast<double>(call.inverse_std.as<float>()[c]) / count;
    }
    pooled_backward_pass(shapes, parameters, sums, call.x.as<T>(), winners, call.dy.as<T>(), call.dx.view,
                         call.dx.write);
  });
}

}  // namespace xr::kernels::cpu
