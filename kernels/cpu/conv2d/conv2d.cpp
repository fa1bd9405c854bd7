// conv2d: checks its operands and hands the work to oneDNN (conv2d_onednn.cpp), to conv2d_few_channels.cpp
// (the gradients of convolutions of at most 4 input channels) or to conv2d_winograd.cpp (the filter gradient
// of 3x3 convolutions of few enough channels for its sums to stay in the cache).
#include "kernels/cpu/conv2d/conv2d.h"

#include <algorithm>

#include "kernels/cpu/checks.h"
#include "kernels/cpu/cpu_backend.h"

namespace xr::kernels::cpu {
namespace {

void check_params(const char* operation, const Conv2dParams& p) {
  XR_CHECK(p.stride_h >= 1 && p.stride_w >= 1, "{}: the stride is {} x {}: it must be at least 1", operation,
           p.stride_h, p.stride_w);
  XR_CHECK(p.dilation_h >= 1 && p.dilation_w >= 1, "{}: the dilation is {} x {}: it must be at least 1",
           operation, p.dilation_h, p.dilation_w);
  XR_CHECK(p.padding_h >= 0 && p.padding_w >= 0, "{}: the padding is {} x {}: it must not be negative",
           operation, p.padding_h, p.padding_w);
}

// x and y: as in forward, or their gradients.
Conv2dProblem check(const char* operation, const Conv2dParams& params, const char* x_name, const ConstView& x,
                    const ConstView& filter, const char* y_name, const ConstView& y) {
  check_params(operation, params);
  for (const auto& [name, view] : {std::pair{x_name, x}, {"filter", filter}, {y_name, y}}) {
    require_f32(operation, name, view);
    require_rank4(operation, name, view);
    XR_CHECK(view.layout != Layout::blocked16 || view.shape[1] % 16 == 0,
             "{}: {} has the shape {}: blocked16 needs a multiple of 16 channels", operation, name,
             view.shape.to_string());
  }
  require_contiguous(operation, "filter", filter);
  Conv2dProblem p{.params = params,
                  .batch = x.shape[0],
                  .in_channels = x.shape[1],
                  .in_h = x.shape[2],
                  .in_w = x.shape[3],
                  .out_channels = filter.shape[0],
                  .kernel_h = filter.shape[2],
                  .kernel_w = filter.shape[3],
                  .x_layout = x.layout,
                  .y_layout = y.layout};
  XR_CHECK(params.groups >= 1 && p.in_channels % params.groups == 0 && p.out_channels % params.groups == 0,
           "{}: {} groups do not divide {} input and {} output channels", operation, params.groups,
           p.in_channels, p.out_channels);
  XR_CHECK(
      filter.numel() > 0 && filter.shape[1] == p.in_channels / params.groups,
      "{}: the filter has the shape {}: with {} input channels in {} groups its second extent must be {} "
      "and none may be 0",
      operation, filter.shape.to_string(), p.in_channels, params.groups, p.in_channels / params.groups);
  const std::int64_t room_h = p.in_h + 2 * params.padding_h - p.extent_h();
  const std::int64_t room_w = p.in_w + 2 * params.padding_w - p.extent_w();
  XR_CHECK(
      room_h >= 0 && room_w >= 0,
      "{}: the filter covers {} x {} pixels but {} of {} x {} with padding {} x {} is smaller: use larger "
      "images or more padding",
      operation, p.extent_h(), p.extent_w(), x_name, p.in_h, p.in_w, params.padding_h, params.padding_w);
  p.out_h = room_h / params.stride_h + 1;
  p.out_w = room_w / params.stride_w + 1;
  XR_CHECK(y.shape == p.y_shape(), "{}: {} has the shape {}: it must be {}", operation, y_name,
           y.shape.to_string(), p.y_shape().to_string());
  return p;
}

}  // namespace

std::string Conv2dProblem::to_string() const {
  return fmt::format(
      "{} ({}) -> {} ({}), kernel {} x {}, stride {} x {}, padding {} x {}, dilation {} x {}, {} "
      "groups",
      x_shape().to_string(), name_of(x_layout), y_shape().to_string(), name_of(y_layout), kernel_h, kernel_w,
      params.stride_h, params.stride_w, params.padding_h, params.padding_w, params.dilation_h,
      params.dilation_w, params.groups);
}

double Conv2dProblem::multiply_adds() const {
  const std::int64_t taps = in_channels / params.groups * kernel_h * kernel_w;
  return static_cast<double>(y_shape().numel()) * static_cast<double>(taps);
}

bool has_few_channels(const Conv2dProblem& problem) {
  return problem.params.groups == 1 && problem.in_channels <= 4;
}

void CpuBackend::conv2d_forward(const Conv2dParams& params, ConstView x, ConstView filter, ConstView bias,
                                View y) {
  const Conv2dProblem problem = check("conv2d_forward", params, "x", x, filter, "y", y);
  if (bias.defined()) require_vector("conv2d_forward", "bias", bias, problem.out_channels);
  if (problem.batch == 0) return;
  const OneDnn::Call call(*primitives_, problem.multiply_adds());
  onednn_forward(*primitives_, problem, x.as<float>(), filter.as<float>(), bias.as<float>(), y.as<float>());
}

void CpuBackend::conv2d_backward_data(const Conv2dParams& params, ConstView dy, ConstView filter, View dx,
                                      GradientWrite write) {
  const Conv2dProblem problem = check("conv2d_backward_data", params, "dx", dx, filter, "dy", dy);
  if (problem.batch == 0) return;
  const OneDnn::Call call(*primitives_, problem.multiply_adds());
  auto* const run = has_few_channels(problem) ? few_channels_backward_data : onednn_backward_data;
  run(*primitives_, problem, dy.as<float>(), filter.as<float>(), dx.as<float>(), write);
}

void CpuBackend::conv2d_backward_filter(const Conv2dParams& params, ConstView x, ConstView dy, View d_filter,
                                        View d_bias, GradientWrite write) {
  const Conv2dProblem problem = check("conv2d_backward_filter", params, "x", x, d_filter, "dy", dy);
  if (d_bias.defined()) require_vector("conv2d_backward_filter", "d_bias", d_bias, problem.out_channels);
  if (problem.batch == 0) {
    if (write == GradientWrite::accumulate) return;
    std::fill_n(d_filter.as<float>(), d_filter.numel(), 0.0f);
    if (d_bias.defined()) std::fill_n(d_bias.as<float>(), d_bias.numel(), 0.0f);
    return;
  }
  const OneDnn::Call call(*primitives_, problem.multiply_adds());
  auto* const run = has_few_channels(problem)               ? few_channels_backward_filter
                    : has_winograd_backward_filter(problem) ? winograd_backward_filter
                                                            : onednn_backward_filter;
  run(*primitives_, problem, x.as<float>(), dy.as<float>(), d_filter.as<float>(), d_bias.as<float>(), write);
}

}  // namespace xr::kernels::cpu
