#include "kernels/ops/conv2d.h"

#include "kernels/common/checks.h"

namespace xr::kernels {

namespace {

// x (or dx), filter (or d_filter) and y (or dy), with their names in the call.
struct Operands {
  const char* operation;
  const char* x_name;
  const ConstView& x;
  const char* filter_name;
  const ConstView& filter;
  const char* y_name;
  const ConstView& y;
};

Conv2dProblem problem_of(const Conv2dParams& params, const ConstView& x, const Shape& filter,
                         const ConstView& y) {
  return {.params = params,
          .batch = x.shape[0],
          .in_channels = x.shape[1],
          .in_h = x.shape[2],
          .in_w = x.shape[3],
          .out_channels = filter[0],
          .kernel_h = filter[2],
          .kernel_w = filter[3],
          .out_h = y.shape[2],
          .out_w = y.shape[3],
          .x_layout = x.layout,
          .y_layout = y.layout,
          .activation = x.dtype};
}

void require_params(const char* operation, const Conv2dParams& p) {
  XR_CHECK(p.stride_h >= 1 && p.stride_w >= 1, "{}: the stride is {} x {}: it must be at least 1", operation,
           p.stride_h, p.stride_w);
  XR_CHECK(p.dilation_h >= 1 && p.dilation_w >= 1, "{}: the dilation is {} x {}: it must be at least 1",
           operation, p.dilation_h, p.dilation_w);
  XR_CHECK(p.padding_h >= 0 && p.padding_w >= 0, "{}: the padding is {} x {}: it must not be negative",
           operation, p.padding_h, p.padding_w);
  XR_CHECK(p.extra_h >= 0 && p.extra_w >= 0, "{}: the extra padding is {} x {}: it must not be negative",
           operation, p.extra_h, p.extra_w);
}

void require_convolution(const Operands& o, const Conv2dParams& params) {
  require_params(o.operation, params);
  require_rank4(o.operation, o.x_name, o.x);
  require_rank4(o.operation, o.filter_name, o.filter);
  require_rank4(o.operation, o.y_name, o.y);
  require_activation(o.operation, o.x_name, o.x);
  require_dtype(o.operation, o.filter_name, o.filter, DType::f32);
  require_dtype(o.operation, o.y_name, o.y, o.x.dtype);
  require_contiguous(o.operation, o.filter_name, o.filter);
  Conv2dProblem p = problem_of(params, o.x, o.filter.shape, o.y);
  XR_CHECK(params.groups >= 1 && p.in_channels % params.groups == 0 && p.out_channels % params.groups == 0,
           "{}: {} groups do not divide {} input and {} output channels", o.operation, params.groups,
           p.in_channels, p.out_channels);
  XR_CHECK(
      o.filter.numel() > 0 && o.filter.shape[1] == p.in_channels / params.groups,
      "{}: {} has the shape {}: with {} input channels in {} groups its second extent must be {} and none may be "
      "0",
      o.operation, o.filter_name, o.filter.shape.to_string(), p.in_channels, params.groups,
      p.in_channels / params.groups);
  const std::int64_t room_h = p.in_h + 2 * params.padding_h + params.extra_h - p.extent_h();
  const std::int64_t room_w = p.in_w + 2 * params.padding_w + params.extra_w - p.extent_w();
  XR_CHECK(
      room_h >= 0 && room_w >= 0,
      "{}: the filter covers {} x {} pixels but {} of {} x {} with padding {} x {} is smaller: use larger images "
      "or more padding",
      o.operation, p.extent_h(), p.extent_w(), o.x_name, p.in_h, p.in_w, params.padding_h, params.padding_w);
  p.out_h = room_h / params.stride_h + 1;
  p.out_w = room_w / params.stride_w + 1;
  XR_CHECK(o.y.shape == p.y_shape(), "{}: {} has the shape {}: it must be {}", o.operation, o.y_name,
           o.y.shape.to_string(), p.y_shape().to_string());
}

}  // namespace

std::string Conv2dProblem::to_string() const {
  return fmt::format(
      "{} ({}) -> {} ({}), kernel {} x {}, stride {} x {}, padding {} x {}{}, dilation {} x {}, {} "
      "groups",
      x_shape().to_string(), name_of(x_layout), y_shape().to_string(), name_of(y_layout), kernel_h, kernel_w,
      params.stride_h, params.stride_w, params.padding_h, params.padding_w,
      params.is_symmetric() ? ""
                            : fmt::format(" and {} x {} more at the end", params.extra_h, params.extra_w),
      params.dilation_h, params.dilation_w, params.groups);
}

Conv2dProblem Conv2dForward::problem() const {
  return problem_of(params, x, filter.shape, y);
}

Conv2dProblem Conv2dBackwardData::problem() const {
  return problem_of(params, dx, filter.shape, dy);
}

Conv2dProblem Conv2dBackwardFilter::problem() const {
  return problem_of(params, x, d_filter.shape, dy);
}

void Conv2dForward::validate() const {
  require_convolution({name, "x", x, "filter", filter, "y", y}, params);
  if (bias.defined()) require_vector(name, "bias", bias, filter.shape[0]);
  if (residual.defined()) require_same_kind(name, "residual", residual, "y", y);
}

void Conv2dBackwardData::validate() const {
  require_convolution({name, "dx", dx, "filter", filter, "dy", dy}, params);
}

void Conv2dBackwardFilter::validate() const {
  require_convolution({name, "x", x, "d_filter", d_filter, "dy", dy}, params);
  if (d_bias.defined()) require_vector(name, "d_bias", d_bias, d_filter.shape[0]);
}

}  // namespace xr::kernels
