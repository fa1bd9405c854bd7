#include "engine/ops/batch_norm2d.h"

#include "engine/core/autograd.h"

namespace xr::engine {

namespace {

Tensor train(const Tensor& x, BatchNorm2dState& state) {
  Tensor y = Tensor::empty_like(x);
  Tensor mean = Tensor::empty_like(state.running_mean), inverse_std = Tensor::empty_like(state.running_mean);
  x.backend().run(kernels::BatchNorm2dForwardTraining{.x = x.view(),
                                                      .gamma = state.gamma.view(),
                                                      .beta = state.beta.view(),
                                                      .running_mean = state.running_mean.mutable_view(),
                                                      .running_var = state.running_var.mutable_view(),
                                                      .y = y.mutable_view(),
                                                      .mean = mean.mutable_view(),
                                                      .inverse_std = inverse_std.mutable_view(),
                                                      .params = state.params});
  if (will_record({x, state.gamma, state.beta}))
    record(y, "batch_norm2d", {x, state.gamma, state.beta},
           [x = Saved(x), gamma = Saved(state.gamma), mean = Saved(mean),
            inverse_std = Saved(inverse_std)](GradientContext& context) {
             const GradientTarget dx = context.target(0), d_gamma = context.target(1),
                                  d_beta = context.target(2);
             context.backend().run(kernels::BatchNorm2dBackwardTraining{.x = x.view(),
                                                                        .dy = context.output().view(),
                                                                        .gamma = gamma.view(),
                                                                        .mean = mean.view(),
                                                                        .inverse_std = inverse_std.view(),
                                                                        .dx = dx,
                                                                        .d_gamma = d_gamma,
                                                                        .d_beta = d_beta});
           });
  return y;
}

Tensor infer(const Tensor& x, const BatchNorm2dState& state) {
  Tensor y = Tensor::empty_like(x);
  x.backend().run(kernels::BatchNorm2dForwardInference{.x = x.view(),
                                                       .gamma = state.gamma.view(),
                                                       .beta = state.beta.view(),
                                                       .running_mean = state.running_mean.view(),
                                                       .running_var = state.running_var.view(),
                                                       .y = y.mutable_view(),
                                                       .params = state.params});
  if (will_record({x, state.gamma, state.beta}))
    record(
        y, "batch_norm2d", {x, state.gamma, state.beta, state.running_mean, state.running_var},
        [params = state.params, x = Saved(x), gamma = Saved(state.gamma),
         running_mean = Saved(state.running_mean),
         running_var = Saved(state.running_var)](GradientContext& context) {
          const GradientTarget dx = context.target(0), d_gamma = context.target(1),
                               d_beta = context.target(2);
          context.backend().run(kernels::BatchNorm2dBackwardInference{.x = x.view(),
                                                                      .dy = context.output().view(),
                                                                      .gamma = gamma.view(),
                                                                      .running_mean = running_mean.view(),
                                                                      .running_var = running_var.view(),
                                                                      .dx = dx,
                                                                      .d_gamma = d_gamma,
                                                                      .d_beta = d_beta,
                                                                      .params = params});
        },
        state.params);
  return y;
}

}  // namespace

void check_batch_norm2d(const char* operation, const Tensor& x, const BatchNorm2dState& state) {
  XR_CHECK(x.rank() == 4 || x.rank() == 2, "{} takes x (N, C, H, W) or (N, C), not {}", operation,
           x.shape().to_string());
  const Shape channels{x.dim(1)};
  XR_CHECK(state.gamma.shape() == channels && state.beta.shape() == channels &&
               state.running_mean.shape() == channels && state.running_var.shape() == channels,
           "{}: parameters of shape {} do not fit an input of shape {}", operation,
           state.gamma.shape().to_string(), x.shape().to_string());
}

Tensor batch_norm2d(const Tensor& x, BatchNorm2dState& state, bool training) {
  check_batch_norm2d("batch_norm2d", x, state);
  return training ? train(x, state) : infer(x, state);
}

}  // namespace xr::engine
