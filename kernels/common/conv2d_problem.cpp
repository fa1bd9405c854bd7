#include "kernels/common/conv2d_problem.h"

#include "kernels/common/checks.h"

namespace xr::kernels {

namespace {

void check_params(const char* operation, const Conv2dParams& p) {
  XR_CHECK(p.stride_h >= 1 && p.stride_w >= 1, "{}: the stride is {} x {}: it must be at least 1", operation,
           p.stride_h, p.stride_w);
  XR_CHECK(p.dilation_h >= 1 && p.dilation_w >= 1, "{}: the dilation is {} x {}: it must be at least 1",
           operation, p.dilation_h, p.dilation_w);
  XR_CHECK(p.padding_h >= 0 && p.padding_w >= 0, "{}: the padding is {} x {}: it must not be negative",
           operation, p.padding_h, p.padding_w);
}

}  // namespace

Conv2dProblem check_conv2d(const char* operation, const Conv2dParams& params, const char* x_name,
                           const ConstView& x, const ConstView& filter, const char* y_name,
                           const ConstView& y) {
  check_params(operation, params);
  require_rank4(operation, x_name, x);
  require_rank4(operation, "the filter", filter);
  require_rank4(operation, y_name, y);
  require_dtype(operation, "the filter", filter, DType::f32);
  require_dtype(operation, y_name, y, x.dtype);
  require_contiguous(operation, "the filter", filter);
  Conv2dProblem p{.params = params,
                  .batch = x.shape[0],
                  .in_channels = x.shape[1],
                  .in_h = x.shape[2],
                  .in_w = x.shape[3],
                  .out_channels = filter.shape[0],
                  .kernel_h = filter.shape[2],
                  .kernel_w = filter.shape[3],
                  .x_layout = x.layout,
                  .y_layout = y.layout,
                  .activation = x.dtype};
  XR_CHECK(params.groups >= 1 && p.in_channels % params.groups == 0 && p.out_channels % params.groups == 0,
           "{}: {} groups do not divide {} input and {} output channels", operation, params.groups,
           p.in_channels, p.out_channels);
  XR_CHECK(
      filter.numel() > 0 && filter.shape[1] == p.in_channels / params.groups,
      "{}: the filter has the shape {}: with {} input channels in {} groups its second extent must be {} "
      "and none may be 0",
      operation, filter.shape.to_string(), p.in_channels, params.groups, p.in_channels / params.groups);
  const std::int64_t extent_h = params.dilation_h * (p.kernel_h - 1) + 1;
  const std::int64_t extent_w = params.dilation_w * (p.kernel_w - 1) + 1;
  const std::int64_t room_h = p.in_h + 2 * params.padding_h - extent_h;
  const std::int64_t room_w = p.in_w + 2 * params.padding_w - extent_w;
  XR_CHECK(
      room_h >= 0 && room_w >= 0,
      "{}: the filter covers {} x {} pixels but {} of {} x {} with padding {} x {} is smaller: use larger "
      "images or more padding",
      operation, extent_h, extent_w, x_name, p.in_h, p.in_w, params.padding_h, params.padding_w);
  p.out_h = room_h / params.stride_h + 1;
  p.out_w = room_w / params.stride_w + 1;
  XR_CHECK(y.shape == p.y_shape(), "{}: {} has the shape {}: it must be {}", operation, y_name,
           y.shape.to_string(), p.y_shape().to_string());
  return p;
}

}  // namespace xr::kernels
