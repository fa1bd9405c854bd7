#include "engine/ops/batch_norm2d.h"

#include "engine/core/autograd.h"

namespace xr::engine {

namespace {

Tensor train(const Tensor& x, BatchNorm2dState& state) {
  Tensor y = Tensor::empty_like(x);
  Tensor mean = Tensor::empty_like(state.running_mean), inverse_std = Tensor::empty_like(state.running_mean);
  x.backend().batch_norm2d_forward_training(
      state.params, x.view(), state.gamma.view(), state.beta.view(), state.running_mean.mutable_view(),
      state.running_var.mutable_view(), y.mutable_view(), mean.mutable_view(), inverse_std.mutable_view());
  if (will_record({x, state.gamma, state.beta}))
    record(y, "batch_norm2d", {x, state.gamma, state.beta},
           [x = Saved(x), gamma = Saved(state.gamma), mean = Saved(mean),
            inverse_std = Saved(inverse_std)](GradientContext& context) {
             const GradientTarget dx = context.target(0), d_gamma = context.target(1),
                                  d_beta = context.target(2);
             context.backend().batch_norm2d_backward_training(
                 x.view(), context.output().view(), gamma.view(), mean.view(), inverse_std.view(), dx.view,
                 dx.write, d_gamma.view, d_gamma.write, d_beta.view, d_beta.write);
           });
  return y;
}

Tensor infer(const Tensor& x, const BatchNorm2dState& state) {
  Tensor y = Tensor::empty_like(x);
  x.backend().batch_norm2d_forward_inference(state.params, x.view(), state.gamma.view(), state.beta.view(),
                                             state.running_mean.view(), state.running_var.view(),
                                             y.mutable_view());
  if (will_record({x, state.gamma, state.beta}))
    record(y, "batch_norm2d", {x, state.gamma, state.beta},
           [params = state.params, x = Saved(x), gamma = Saved(state.gamma),
            running_mean = Saved(state.running_mean),
            running_var = Saved(state.running_var)](GradientContext& context) {
             const GradientTarget dx = context.target(0), d_gamma = context.target(1),
                                  d_beta = context.target(2);
             context.backend().batch_norm2d_backward_inference(
                 params, x.view(), context.output().view(), gamma.view(), running_mean.view(),
                 running_var.view(), dx.view, dx.write, d_gamma.view, d_gamma.write, d_beta.view,
                 d_beta.write);
           });
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
