#include "engine/core/autograd.h"
#include "engine/ops/batch_norm2d.h"
#include "engine/ops/concat_channels.h"
#include "engine/ops/max_pool2d.h"
#include "engine/ops/relu.h"
#include "engine/ops/relu6.h"

namespace xr::engine {

namespace {

/// x may have more channels than the state.
Shape output_shape(const Tensor& x, const BatchNorm2dState& state, bool pool) {
  Shape shape = x.shape();
  shape[1] = state.gamma.dim(0);
  if (!pool) return shape;
  shape[2] /= 2;
  shape[3] /= 2;
  return shape;
}

/// A call writes the gradient of the leading channels alone: that of the others is 0.
GradientTarget with_other_channels(kernels::Backend& backend, const GradientTarget& dx,
                                   std::int64_t channels) {
  if (!dx.view.defined() || dx.view.shape[1] == channels || dx.write == GradientWrite::accumulate) return dx;
  backend.run(kernels::Fill{.y = dx.view, .value = 0});
  return {dx.view, GradientWrite::accumulate};
}

Tensor fused_training(const Tensor& x, BatchNorm2dState& state, bool pool, bool relu6) {
  Tensor y = Tensor::empty(output_shape(x, state, pool), {x.dtype(), x.device(), x.layout()});
  Tensor mean = Tensor::empty_like(state.running_mean), inverse_std = Tensor::empty_like(state.running_mean),
         argmax;
  if (pool) argmax = Tensor::empty({y.numel()}, {DType::u8, x.device(), Layout::contiguous});
  x.backend().run(kernels::BatchNorm2dReluForwardTraining{.x = x.view(),
                                                          .gamma = state.gamma.view(),
                                                          .beta = state.beta.view(),
                                                          .running_mean = state.running_mean.mutable_view(),
                                                          .running_var = state.running_var.mutable_view(),
                                                          .y = y.mutable_view(),
                                                          .argmax = pool ? argmax.mutable_view() : View{},
                                                          .mean = mean.mutable_view(),
                                                          .inverse_std = inverse_std.mutable_view(),
                                                          .params = state.params,
                                                          .pool = pool,
                                                          .relu6 = relu6});
  if (will_record({x, state.gamma, state.beta}))
    record(y, relu6 ? "batch_norm2d_relu6" : "batch_norm2d_relu", {x, state.gamma, state.beta},
           [pool, relu6, x = Saved(x), y = Saved(y), argmax = Saved(argmax), gamma = Saved(state.gamma),
            beta = Saved(state.beta), mean = Saved(mean),
            inverse_std = Saved(inverse_std)](GradientContext& context) {
             const GradientTarget dx = with_other_channels(context.backend(), context.target(0),
                                                           y.get().dim(1)),
                                  d_gamma = context.target(1), d_beta = context.target(2);
             context.backend().run(kernels::BatchNorm2dReluBackwardTraining{.x = x.view(),
                                                                            .y = y.view(),
                                                                            .argmax = argmax.view(),
                                                                            .dy = context.output().view(),
                                                                            .gamma = gamma.view(),
                                                                            .beta = beta.view(),
                                                                            .mean = mean.view(),
                                                                            .inverse_std = inverse_std.view(),
                                                                            .dx = dx,
                                                                            .d_gamma = d_gamma,
                                                                            .d_beta = d_beta,
                                                                            .pool = pool,
                                                                            .relu6 = relu6});
           });
  return y;
}

/// Of one of the fused calls, or undefined where the backend composes the parts.
Tensor fused(const Tensor& x, BatchNorm2dState& state, bool training, bool pool, bool relu6) {
  if (!x.backend().has_fused_batch_norm2d_relu(x.shape(), x.layout(), pool)) return {};
  if (training) return fused_training(x, state, pool, relu6);
  if (will_record({x, state.gamma, state.beta})) return {};
  Tensor y = Tensor::empty(output_shape(x, state, pool), {x.dtype(), x.device(), x.layout()});
  x.backend().run(kernels::BatchNorm2dReluForwardInference{.x = x.view(),
                                                           .gamma = state.gamma.view(),
                                                           .beta = state.beta.view(),
                                                           .running_mean = state.running_mean.view(),
                                                           .running_var = state.running_var.view(),
                                                           .y = y.mutable_view(),
                                                           .params = state.params,
                                                           .pool = pool,
                                                           .relu6 = relu6});
  return y;
}

}  // namespace

Tensor batch_norm2d_relu(const Tensor& x, BatchNorm2dState& state, bool training, bool pool) {
  check_batch_norm2d("batch_norm2d_relu", x, state);
  XR_CHECK(!pool || (x.rank() == 4 && x.dim(2) >= 2 && x.dim(3) >= 2),
           "batch_norm2d_relu: an input of shape {} is too small for a 2x2 window", x.shape().to_string());
  if (Tensor y = fused(x, state, training, pool, false); y.defined()) return y;
  const Tensor activated = relu(batch_norm2d(x, state, training));
  return pool ? max_pool2d(activated, {}) : activated;
}

Tensor batch_norm2d_relu_leading(const Tensor& x, BatchNorm2dState& state, bool training) {
  const std::int64_t channels = state.gamma.dim(0);
  XR_CHECK(x.rank() == 4 && x.dim(1) >= channels,
           "batch_norm2d_relu_leading: an input of shape {} has no {} channels to normalise",
           x.shape().to_string(), channels);
  if (x.dim(1) == channels) return batch_norm2d_relu(x, state, training, false);
  if (Tensor y = fused(x, state, training, false, false); y.defined()) return y;
  return batch_norm2d_relu(leading_channels(x, channels), state, training, false);
}

Tensor batch_norm2d_relu6(const Tensor& x, BatchNorm2dState& state, bool training) {
  check_batch_norm2d("batch_norm2d_relu6", x, state);
  if (Tensor y = fused(x, state, training, false, true); y.defined()) return y;
  return relu6(batch_norm2d(x, state, training));
}

}  // namespace xr::engine
