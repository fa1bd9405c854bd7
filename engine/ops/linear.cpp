#include "engine/ops/linear.h"

#include "engine/core/autograd.h"
#include "engine/ops/cast.h"

namespace xr::engine {

Tensor linear(const Tensor& input, const Tensor& weight, const Tensor& bias) {
  XR_CHECK(input.rank() == 2 && weight.rank() == 2 && input.dim(1) == weight.dim(1),
           "linear: an input of shape {} does not fit a weight of shape {}", input.shape().to_string(),
           weight.shape().to_string());
  XR_CHECK(!bias.defined() || bias.shape() == Shape{weight.dim(0)},
           "linear: the bias does not fit a weight of shape {}", weight.shape().to_string());
  const Tensor x = cast(input, input.backend().activation_type());
  Tensor y = Tensor::empty({x.dim(0), weight.dim(0)}, {x.dtype(), x.device(), Layout::contiguous});
  x.backend().linear_forward(x.view(), weight.view(), bias.view(), y.mutable_view());
  if (will_record({x, weight, bias}))
    record(y, "linear", {x, weight, bias}, [x = Saved(x), weight = Saved(weight)](GradientContext& context) {
      const ConstView dy = context.output().view();
      if (const GradientTarget dx = context.target(0); dx.view.defined())
        context.backend().matmul(dy, false, weight.view(), false, dx.view, dx.write);
      if (const GradientTarget d_weight = context.target(1); d_weight.view.defined())
        context.backend().matmul(dy, true, x.view(), false, d_weight.view, d_weight.write);
      if (const GradientTarget d_bias = context.target(2); d_bias.view.defined())
        context.backend().sum_to_shape(dy, 1.0f, d_bias.view, d_bias.write);
    });
  return y;
}

}  // namespace xr::engine
