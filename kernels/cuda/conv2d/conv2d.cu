// conv2d: checks the operands and chooses a kernel: the first of these that fits the call, or the one that
// BackendOptions::variant names.
//
//   few_channels      forward and filter gradient of 1 to 4 input channels
//   implicit_gemm_v3  tensor cores: 3x3 with stride 1, channels_last, channels in multiples of 32
//   implicit_gemm_v2  tensor cores: one group, channels_last, channels in pieces of 16 bytes; v1 where named
//   direct            everything
#include "kernels/cuda/conv2d/conv2d.h"

#include <string>

#include "kernels/common/checks.h"
#include "kernels/common/conv2d_problem.h"
#include "kernels/cuda/conv2d/filter_partials.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

Conv2dProblem check(const char* operation, const Conv2dParams& params, const char* x_name, const ConstView& x,
                    const ConstView& filter, const char* y_name, const ConstView& y) {
  for (const auto& [name, view] : {std::pair{x_name, x}, {y_name, y}})
    XR_CHECK(view.layout != Layout::blocked16,
             "{}: {} is blocked16, which is the CPU's: use contiguous or channels_last", operation, name);
  const Conv2dProblem problem = check_conv2d(operation, params, x_name, x, filter, y_name, y);
  for (const auto& [what, value] : {std::pair{"height", problem.in_h + 2 * params.padding_h},
                                    {"width", problem.in_w + 2 * params.padding_w}})
    XR_CHECK(value < 1 << 15, "{}: an image with a padded {} of {}: a CUDA kernel takes at most 32767",
             operation, what, value);
  for (const ConstView& view : {x, y})
    XR_CHECK(view.numel() / std::max<std::int64_t>(1, view.shape[1]) < std::int64_t{1} << 31,
             "{}: {} images of {} x {} have too many pixels for one call: lower the batch size", operation,
             view.shape[0], view.shape[2], view.shape[3]);
  return problem;
}

/// Whether the kernels of this name may run: all, unless BackendOptions::variant names others.
bool allowed(const KernelBackend& backend, const char* family) {
  const std::string& variant = backend.options().variant;
  return variant.empty() || variant.find(family) != std::string::npos;
}

/// Whether the implicit matrix product over halo tiles takes a pass that reads `source` and has results of this
/// extent.
bool runs_3x3(const KernelBackend& backend, const Conv2dProblem& problem, const ConstView& source,
              std::int64_t height, std::int64_t width) {
  const bool wanted = backend.options().variant.empty() ? fills_3x3_tiles(height, width)
                                                        : allowed(backend, "implicit_gemm_v3");
  return wanted && suits_3x3(problem, source);
}

}  // namespace

Conv2dShape to_shape(const Conv2dProblem& p) {
  return {to_int(p.batch, "the batch"),
          to_int(p.in_channels, "the number of input channels"),
          to_int(p.in_h, "the input height"),
          to_int(p.in_w, "the input width"),
          to_int(p.out_channels, "the number of output channels"),
          to_int(p.kernel_h, "the kernel's height"),
          to_int(p.kernel_w, "the kernel's width"),
          to_int(p.out_h, "the output height"),
          to_int(p.out_w, "the output width"),
          to_int(p.params.stride_h, "the stride"),
          to_int(p.params.stride_w, "the stride"),
          to_int(p.params.padding_h, "the padding"),
          to_int(p.params.padding_w, "the padding"),
          to_int(p.params.dilation_h, "the dilation"),
          to_int(p.params.dilation_w, "the dilation"),
          to_int(p.params.groups, "the number of groups")};
}

ActivationStrides strides_of(Layout layout, const Shape& shape) {
  if (layout == Layout::channels_last)
    return {shape[1] * shape[2] * shape[3], 1, shape[1] * shape[3], shape[1]};
  return {shape[1] * shape[2] * shape[3], shape[2] * shape[3], shape[3], 1};
}

bool has_channels_last(Layout layout, const Shape& shape) {
  return layout == Layout::channels_last || shape[1] == 1 || shape[2] * shape[3] == 1;
}

std::int64_t bytes_of(const Conv2dForward& call) {
  const std::size_t bias = call.bias.defined() ? call.bias.bytes() : 0;
  return static_cast<std::int64_t>(call.x.bytes() + call.filter.bytes() + bias + call.y.bytes());
}

std::int64_t bytes_of(const Conv2dBackwardData& call) {
  const std::size_t passes = call.write == GradientWrite::accumulate ? 2 : 1;
  return static_cast<std::int64_t>(call.dy.bytes() + call.filter.bytes() + passes * call.dx.bytes());
}

std::int64_t bytes_of(const Conv2dBackwardFilter& call) {
  const std::size_t bias = call.d_bias.defined() ? call.d_bias.bytes() : 0;
  return static_cast<std::int64_t>(call.x.bytes() + call.dy.bytes() + call.d_filter.bytes() + bias);
}

void KernelBackend::conv2d_forward(const Conv2dParams& params, ConstView x, ConstView filter, ConstView bias,
                                   View y) {
  const Conv2dProblem problem = check("conv2d_forward", params, "x", x, filter, "y", y);
  if (bias.defined()) require_vector("conv2d_forward", "bias", bias, problem.out_channels);
  if (problem.batch == 0) return;
  const Conv2dForward call{x, filter, bias, y};
  if (allowed(*this, "few_channels") && suits_few_channels(problem))
    launch_few_channels(*this, problem, call);
  else if (runs_3x3(*this, problem, x, problem.out_h, problem.out_w))
    launch_3x3(*this, problem, call);
  else if (allowed(*this, "implicit_gemm") && suits_implicit_gemm(problem, x))
    launch_implicit_gemm(*this, problem, call);
  else
    launch_direct(*this, problem, call);
}

void KernelBackend::conv2d_backward_data(const Conv2dParams& params, ConstView dy, ConstView filter, View dx,
                                         GradientWrite write) {
  const Conv2dProblem problem = check("conv2d_backward_data", params, "dx", dx, filter, "dy", dy);
  if (problem.batch == 0) return;
  const Conv2dBackwardData call{dy, filter, dx, write};
  if (runs_3x3(*this, problem, dy, problem.in_h, problem.in_w))
    launch_3x3(*this, problem, call);
  else if (allowed(*this, "implicit_gemm") && suits_implicit_gemm(problem, dy))
    launch_implicit_gemm(*this, problem, call);
  else
    launch_direct(*this, problem, call);
}

void KernelBackend::conv2d_backward_filter(const Conv2dParams& params, ConstView x, ConstView dy,
                                           View d_filter, View d_bias, GradientWrite write) {
  const Conv2dProblem problem = check("conv2d_backward_filter", params, "x", x, d_filter, "dy", dy);
  if (d_bias.defined()) require_vector("conv2d_backward_filter", "d_bias", d_bias, problem.out_channels);
  const Conv2dBackwardFilter call{x, dy, d_filter, d_bias, write};
  if (problem.batch == 0) return sum_filter_partials(*this, call, make_filter_partials(*this, call, 0));
  if (allowed(*this, "few_channels") && suits_few_channels(problem))
    launch_few_channels(*this, problem, call);
  else if (runs_3x3(*this, problem, x, problem.out_h, problem.out_w) && suits_implicit_gemm(problem, dy))
    launch_3x3(*this, problem, call);
  else if (allowed(*this, "implicit_gemm") && suits_implicit_gemm(problem, x) &&
           suits_implicit_gemm(problem, dy))
    launch_implicit_gemm(*this, problem, call);
  else
    launch_direct(*this, problem, call);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
