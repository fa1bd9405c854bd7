#include "engine/core/autograd.h"
#include "engine/ops/batch_norm2d.h"
#include "engine/ops/max_pool2d.h"
#include "engine/ops/relu.h"

namespace xr::engine {

namespace {

Shape output_shape(const Tensor& x, bool pool) {
  return pool ? Shape{x.dim(0), x.dim(1), x.dim(2) / 2, x.dim(3) / 2} : x.shape();
}

Tensor fused_training(const Tensor& x, BatchNorm2dState& state, bool pool) {
  Tensor y = Tensor::empty(output_shape(x, pool), {x.dtype(), x.device(), x.layout()});
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
                                                          .pool = pool});
  if (will_record({x, state.gamma, state.beta}))
    record(y, "batch_norm2d_relu", {x, state.gamma, state.beta},
           [pool, x = Saved(x), y = Saved(y), argmax = Saved(argmax), gamma = Saved(state.gamma),
            beta = Saved(state.beta), mean = Saved(mean),
            inverse_std = Saved(inverse_std)](GradientContext& context) {
             const GradientTarget dx = context.target(0), d_gamma = context.target(1),
                                  d_beta = context.target(2);
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
                                                                            .pool = pool});
           });
  return y;
}

}  // namespace

Tensor batch_norm2d_relu(const Tensor& x, BatchNorm2dState& state, bool training, bool pool) {
  check_batch_norm2d("batch_norm2d_relu", x, state);
  XR_CHECK(!pool || (x.rank() == 4 && x.dim(2) >= 2 && x.dim(3) >= 2),
           "batch_norm2d_relu: an input of shape {} is too small for a 2x2 window", x.shape().to_string());
  const bool fused = x.backend().has_fused_batch_norm2d_relu(x.shape(), x.layout(), pool);
  const bool records = will_record({x, state.gamma, state.beta});
  if (fused && training) return fused_training(x, state, pool);
  if (fused && !records) {
    Tensor y = Tensor::empty(output_shape(x, pool), {x.dtype(), x.device(), x.layout()});
    x.backend().run(kernels::BatchNorm2dReluForwardInference{.x = x.view(),
                                                             .gamma = state.gamma.view(),
                                                             .beta = state.beta.view(),
                                                             .running_mean = state.running_mean.view(),
                                                             .running_var = state.running_var.view(),
                                                             .y = y.mutable_view(),
                                                             .params = state.params,
                                                             .pool = pool});
    return y;
  }
  const Tensor activated = relu(batch_norm2d(x, state, training));
  return pool ? max_pool2d(activated, {}) : activated;
}

}  // namespace xr::engine
