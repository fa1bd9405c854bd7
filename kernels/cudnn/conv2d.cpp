// conv2d through the graph API. In bf16 the filter, f32 in the engine, is rounded into the workspace first:
// cuDNN multiplies operands of one type.
#include "kernels/cudnn/cudnn_operations.h"

namespace xr::kernels::cudnn {

namespace {

Convolution convolution_of(Pass pass, const Conv2dParams& p, Precision precision, const ConstView& x,
                           const ConstView& filter, const ConstView& y) {
  Convolution c;
  c.pass = pass;
  c.tf32 = precision != Precision::fp32;
  c.x = operand_of(x);
  c.filter = operand_of(filter);
  c.y = operand_of(y);
  c.padding = {p.padding_h, p.padding_w};
  c.padding_end = {p.padding_h + p.extra_h, p.padding_w + p.extra_w};
  c.stride = {p.stride_h, p.stride_w};
  c.dilation = {p.dilation_h, p.dilation_w};
  c.groups = p.groups;
  return c;
}

bool is_convolved(const ConstView& x, const ConstView& y) {
  return x.numel() > 0 && x.layout != Layout::blocked16 && y.layout != Layout::blocked16;
}

/// The filter as cuDNN will read it: of the activations' type, in the workspace if that is another one.
ConstView filter_operand(const ConstView& filter, DType activation) {
  return filter.dtype == activation ? filter : ConstView(nullptr, filter.shape, activation);
}

/// dy as a matrix whose sum over all but the channels is the gradient of the bias, and that gradient's shape.
std::pair<ConstView, Shape> bias_sum(const ConstView& dy) {
  const Shape& s = dy.shape;
  if (dy.layout == Layout::channels_last)
    return {ConstView(dy.data, {s[0] * s[2] * s[3], s[1]}, dy.dtype), {s[1]}};
  return {ConstView(dy.data, {s[0], s[1], s[2] * s[3]}, dy.dtype), {s[1], 1}};
}

}  // namespace

/// `filter` is f32; it is rounded first if the plan reads bf16. For the filter's gradient it is the output.
void CudnnOperations::run_plan(const ConvolutionPlan& plan, ConstView x, ConstView filter, ConstView y,
                               ConstView bias) {
  const bool rounded = plan.pass() != Pass::backward_filter && filter.dtype != x.dtype;
  const std::size_t filter_bytes =
      rounded ? aligned(static_cast<std::size_t>(filter.numel()) * size_of(x.dtype)) : 0;
  std::byte* const memory = workspace_.get(filter_bytes + plan.workspace_bytes());
  if (rounded) {
    View operand;
    operand.data = memory;
    operand.shape = filter.shape;
    operand.dtype = x.dtype;
    own_.run(Cast{.x = filter, .y = operand});
    filter = operand;
  }
  plan.run(handle_, x.data, filter.data, y.data, bias.data, memory + filter_bytes);
}

Ran CudnnOperations::run(const Conv2dForward& call) {
  if (!is_convolved(call.x, call.y)) return {};
  Convolution c = convolution_of(Pass::forward, call.params, precision_, call.x,
                                 filter_operand(call.filter, call.x.dtype), call.y);
  if (call.bias.defined()) c.bias_alignment = alignment_of(call.bias.data);
  const ConvolutionPlan* plan = plans_->find(c, plan_);
  if (plan == nullptr) return {};
  run_plan(*plan, call.x, call.filter, call.y, call.bias);
  if (call.residual.defined()) own_.run(Add{.a = call.y, .b = call.residual, .y = call.y});
  if (call.relu) own_.run(ReluForward{.x = call.y, .y = call.y});
  return {Library::cudnn, plan->name().c_str()};
}

Ran CudnnOperations::run(const Conv2dBackwardData& call) {
  if (!is_convolved(call.dx, call.dy)) return {};
  Convolution c = convolution_of(Pass::backward_data, call.params, precision_, call.dx,
                                 filter_operand(call.filter, call.dy.dtype), call.dy);
  c.accumulate = call.write == GradientWrite::accumulate;
  const ConvolutionPlan* plan = plans_->find(c, plan_);
  if (plan == nullptr) return {};
  run_plan(*plan, call.dx, call.filter, call.dy, {});
  return {Library::cudnn, plan->name().c_str()};
}

Ran CudnnOperations::run(const Conv2dBackwardFilter& call) {
  if (!is_convolved(call.x, call.dy)) return {};
  Convolution c =
      convolution_of(Pass::backward_filter, call.params, precision_, call.x, call.d_filter, call.dy);
  c.accumulate = call.write == GradientWrite::accumulate;
  const ConvolutionPlan* plan = plans_->find(c, plan_);
  if (plan == nullptr) return {};
  run_plan(*plan, call.x, call.d_filter, call.dy, {});
  if (call.d_bias.defined()) {
    const auto [matrix, shape] = bias_sum(call.dy);
    View sums = call.d_bias;
    sums.shape = shape;
    own_.run(SumToShape{.x = matrix, .y = sums, .write = call.write});
  }
  return {Library::cudnn, plan->name().c_str()};
}

}  // namespace xr::kernels::cudnn
