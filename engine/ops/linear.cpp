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
  x.backend().run(kernels::LinearForward{
      .x = x.view(), .weight = weight.view(), .bias = bias.view(), .y = y.mutable_view()});
  if (will_record({x, weight, bias}))
    record(y, "linear", {x, weight, bias}, [x = Saved(x), weight = Saved(weight)](GradientContext& context) {
      const ConstView dy = context.output().view();
      if (const GradientTarget dx = context.target(0); dx.view.defined())
        context.backend().run(kernels::Matmul{.a = dy, .b = weight.view(), .c = dx.view, .write = dx.write});
      if (const GradientTarget d_weight = context.target(1); d_weight.view.defined())
        context.backend().run(kernels::Matmul{
            .a = dy, .b = x.view(), .c = d_weight.view, .transpose_a = true, .write = d_weight.write});
      if (const GradientTarget d_bias = context.target(2); d_bias.view.defined())
        context.backend().run(kernels::SumToShape{.x = dy, .y = d_bias.view, .write = d_bias.write});
    });
  return y;
}

}  // namespace xr::engine
