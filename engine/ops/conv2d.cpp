#include "engine/ops/conv2d.h"

#include "engine/core/autograd.h"
#include "engine/ops/add.h"
#include "engine/ops/cast.h"
#include "engine/ops/relu.h"
#include "kernels/common/error_codes.h"

namespace xr::engine {

namespace {

std::int64_t output_extent(std::int64_t in, std::int64_t kernel, std::int64_t stride,
                           std::int64_t all_padding, std::int64_t dilation) {
  const std::int64_t span = in + all_padding - dilation * (kernel - 1) - 1;
  return span < 0 ? 0 : span / stride + 1;
}

// The backend writes both gradients in one mode; a mode of its own, or a filter gradient that nobody wants,
// goes through temporary memory.
void backward_filter(kernels::Backend& backend, const Conv2dParams& params, ConstView x, ConstView dy,
                     const Tensor& filter, const GradientTarget& d_filter, const GradientTarget& d_bias) {
  const bool same_mode =
      d_filter.view.defined() && (!d_bias.view.defined() || d_bias.write == d_filter.write);
  if (same_mode) {
    backend.run(kernels::Conv2dBackwardFilter{.x = x,
                                              .dy = dy,
                                              .d_filter = d_filter.view,
                                              .d_bias = d_bias.view,
                                              .params = params,
                                              .write = d_filter.write});
    return;
  }
  Tensor filter_part = Tensor::empty_like(filter), bias_part;
  if (d_bias.view.defined())
    bias_part = Tensor::empty({filter.dim(0)}, {filter.dtype(), filter.device(), {}});
  backend.run(kernels::Conv2dBackwardFilter{.x = x,
                                            .dy = dy,
                                            .d_filter = filter_part.mutable_view(),
                                            .d_bias = bias_part.defined() ? bias_part.mutable_view() : View{},
                                            .params = params});
  if (d_filter.view.defined())
    backend.run(kernels::Scale{.x = filter_part.view(), .y = d_filter.view, .write = d_filter.write});
  if (d_bias.view.defined())
    backend.run(kernels::Scale{.x = bias_part.view(), .y = d_bias.view, .write = d_bias.write});
}

void check_bias(const Tensor& bias, const Tensor& filter) {
  XR_CHECK(!bias.defined() || bias.shape() == Shape{filter.dim(0)}, "conv2d: bias {} does not fit filter {}",
           bias.shape().to_string(), filter.shape().to_string());
}

}  // namespace

Shape conv2d_shape(const Shape& x, const Shape& filter, const Conv2dParams& p) {
  XR_CHECK(x.rank() == 4 && filter.rank() == 4,
           "conv2d takes x (N, C, H, W) and filter (O, C, kH, kW), not {} and {}", x.to_string(),
           filter.to_string());
  XR_CHECK(p.groups >= 1 && p.stride_h >= 1 && p.stride_w >= 1 && p.dilation_h >= 1 && p.dilation_w >= 1 &&
               p.padding_h >= 0 && p.padding_w >= 0 && p.extra_h >= 0 && p.extra_w >= 0,
           "conv2d: groups, stride and dilation must be at least 1 and padding at least 0");
  XR_CHECK(x[1] == filter[1] * p.groups && filter[0] % p.groups == 0,
           "conv2d: input {} and filter {} do not fit with {} group(s)", x.to_string(), filter.to_string(),
           p.groups);
  const Shape y{x[0], filter[0],
                output_extent(x[2], filter[2], p.stride_h, 2 * p.padding_h + p.extra_h, p.dilation_h),
                output_extent(x[3], filter[3], p.stride_w, 2 * p.padding_w + p.extra_w, p.dilation_w)};
  XR_CHECK_CODE(y.numel() > 0, error_code::image_too_small,
                "conv2d: an input of shape {} is too small for a {}x{} filter with padding {}x{}",
                x.to_string(), filter[2], filter[3], p.padding_h, p.padding_w);
  return y;
}

Tensor conv2d_constant(const Tensor& input, const ConstantFilter& constant, const Conv2dParams& params,
                       bool relu, const Tensor& residual) {
  const auto& [filter, bias, number] = constant;
  XR_CHECK(!will_record({input, filter, bias, residual}),
           "conv2d of a constant filter has no gradient and no trace: use NoGradGuard");
  const Shape shape = conv2d_shape(input.shape(), filter.shape(), params);
  check_bias(bias, filter);
  XR_CHECK(!residual.defined() || residual.shape() == shape,
           "conv2d: the residual {} is not of the result's shape {}", residual.shape().to_string(),
           shape.to_string());
  kernels::Backend& backend = input.backend();
  const Tensor x = cast(input, backend.activation_type());
  Tensor y = Tensor::empty(shape, {x.dtype(), x.device(), backend.preferred_layout(shape[1])});
  const bool fits = residual.defined() && residual.dtype() == y.dtype() && residual.layout() == y.layout();
  backend.run(kernels::Conv2dForward{.x = x.view(),
                                     .filter = filter.view(),
                                     .bias = bias.view(),
                                     .y = y.mutable_view(),
                                     .params = params,
                                     .residual = fits ? residual.view() : ConstView{},
                                     .relu = relu && (fits || !residual.defined()),
                                     .filter_number = number});
  if (fits || !residual.defined()) return y;
  const Tensor sum = add(y, residual);
  return relu ? engine::relu(sum) : sum;
}

Tensor conv2d(const Tensor& input, const Tensor& filter, const Tensor& bias, const Conv2dParams& params) {
  const Shape shape = conv2d_shape(input.shape(), filter.shape(), params);
  check_bias(bias, filter);
  kernels::Backend& backend = input.backend();
  const Tensor x = cast(input, backend.activation_type());
  Tensor y = Tensor::empty(shape, {x.dtype(), x.device(), backend.preferred_layout(shape[1])});
  backend.run(kernels::Conv2dForward{
      .x = x.view(), .filter = filter.view(), .bias = bias.view(), .y = y.mutable_view(), .params = params});
  if (will_record({x, filter, bias}))
    record(
        y, "conv2d", {x, filter, bias},
        [params, x = Saved(x), filter = Saved(filter)](GradientContext& context) {
          const ConstView dy = context.output().view();
          if (const GradientTarget dx = context.target(0); dx.view.defined())
            context.backend().run(kernels::Conv2dBackwardData{
                .dy = dy, .filter = filter.view(), .dx = dx.view, .params = params, .write = dx.write});
          const GradientTarget d_filter = context.target(1), d_bias = context.target(2);
          if (d_filter.view.defined() || d_bias.view.defined())
            backward_filter(context.backend(), params, x.view(), dy, filter.get(), d_filter, d_bias);
        },
        params);
  return y;
}

}  // namespace xr::engine
