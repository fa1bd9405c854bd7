// conv2d: checks the operands and chooses a kernel: the first of these that fits the call, or the one that
// BackendOptions::variant names.
//
//   few_channels   forward and filter gradient of 1 to 4 input channels
//   depthwise      a channel a group, channels_last, channels in pieces of 16 bytes
//   halo_tile      tensor cores: one group, 3x3 with stride 1, channels_last, channels in multiples of 32
//   implicit_gemm  tensor cores: channels_last, the channels of a group in pieces of 16 bytes
//   direct         everything
#include "kernels/cuda/conv2d/conv2d.h"

#include <string>

#include "kernels/common/checks.h"
#include "kernels/cuda/conv2d/filter_partials.h"
#include "kernels/cuda/suits.h"
#include "kernels/cuda/variant.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

/// What these kernels demand of x and y, or of their gradients.
void require_extents(const char* operation, const Conv2dProblem& p) {
  for (const Layout layout : {p.x_layout, p.y_layout})
    XR_CHECK(layout != Layout::blocked16,
             "{}: an activation is blocked16, which is the CPU's: use contiguous or channels_last",
             operation);
  for (const auto& [what, value] : {std::pair{"height", p.in_h + 2 * p.params.padding_h + p.params.extra_h},
                                    {"width", p.in_w + 2 * p.params.padding_w + p.params.extra_w}})
    XR_CHECK(value < 1 << 15, "{}: an image with a padded {} of {}: a CUDA kernel takes at most 32767",
             operation, what, value);
  for (const std::int64_t pixels : {p.in_h * p.in_w, p.out_h * p.out_w})
    XR_CHECK(p.batch * pixels < std::int64_t{1} << 31,
             "{}: {} images of {} pixels are too many for one call: lower the batch size", operation, p.batch,
             pixels);
}

/// Whether the kernels of this family may run: all, unless BackendOptions::variant names others.
bool allowed(const KernelBackend& backend, const char* family) {
  const std::string& variant = backend.options().variant;
  return variant.empty() || is_member(variant, family);
}

/// Whether the implicit matrix product over halo tiles takes a pass that reads `source` and has results of this
/// extent.
bool runs_3x3(const KernelBackend& backend, const Conv2dProblem& problem, const ConstView& source,
              std::int64_t height, std::int64_t width) {
  const bool wanted =
      backend.options().variant.empty() ? fills_3x3_tiles(height, width) : allowed(backend, "halo_tile");
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

bool suits(const Conv2dForward& call) {
  const Conv2dProblem problem = call.problem();
  return suits_few_channels(problem) || suits_depthwise(problem, call.x, call.y) ||
         suits_implicit_gemm(problem, call.x);
}

bool suits(const Conv2dBackwardData& call) {
  return suits_depthwise(call.problem(), call.dy, call.dx) || suits_implicit_gemm(call.problem(), call.dy);
}

bool suits(const Conv2dBackwardFilter& call) {
  const Conv2dProblem problem = call.problem();
  return suits_few_channels(problem) || suits_depthwise_filter(problem, call.x, call.dy) ||
         (suits_implicit_gemm(problem, call.x) && suits_implicit_gemm(problem, call.dy));
}

void KernelBackend::compute(const Conv2dForward& call) {
  const Conv2dProblem problem = call.problem();
  require_extents(call.name, problem);
  if (problem.batch == 0) return;
  if (allowed(*this, "few_channels") && suits_few_channels(problem))
    launch_few_channels(*this, problem, call);
  else if (allowed(*this, "depthwise") && suits_depthwise(problem, call.x, call.y))
    launch_depthwise(*this, problem, call);
  else if (runs_3x3(*this, problem, call.x, problem.out_h, problem.out_w))
    launch_3x3(*this, problem, call);
  else if (allowed(*this, "implicit_gemm") && suits_implicit_gemm(problem, call.x))
    launch_implicit_gemm(*this, problem, call);
  else
    launch_direct(*this, problem, call);
  if (call.residual.defined()) compute(Add{.a = call.y, .b = call.residual, .y = call.y});
  if (call.relu) compute(ReluForward{.x = call.y, .y = call.y});
}

void KernelBackend::compute(const Conv2dBackwardData& call) {
  const Conv2dProblem problem = call.problem();
  require_extents(call.name, problem);
  if (problem.batch == 0) return;
  if (allowed(*this, "depthwise") && suits_depthwise(problem, call.dy, call.dx))
    launch_depthwise(*this, problem, call);
  else if (runs_3x3(*this, problem, call.dy, problem.in_h, problem.in_w))
    launch_3x3(*this, problem, call);
  else if (allowed(*this, "implicit_gemm") && suits_implicit_gemm(problem, call.dy))
    launch_implicit_gemm(*this, problem, call);
  else
    launch_direct(*this, problem, call);
}

void KernelBackend::compute(const Conv2dBackwardFilter& call) {
  const Conv2dProblem problem = call.problem();
  require_extents(call.name, problem);
  if (problem.batch == 0)
    return sum_filter_partials(*this, call, make_filter_partials(*this, call, 0, false));
  if (allowed(*this, "few_channels") && suits_few_channels(problem))
    launch_few_channels(*this, problem, call);
  else if (allowed(*this, "depthwise") && suits_depthwise_filter(problem, call.x, call.dy))
    launch_depthwise(*this, problem, call);
  else if (runs_3x3(*this, problem, call.x, problem.out_h, problem.out_w) &&
           suits_implicit_gemm(problem, call.dy))
    launch_3x3(*this, problem, call);
  else if (allowed(*this, "implicit_gemm") && suits_implicit_gemm(problem, call.x) &&
           suits_implicit_gemm(problem, call.dy))
    launch_implicit_gemm(*this, problem, call);
  else
    launch_direct(*this, problem, call);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
