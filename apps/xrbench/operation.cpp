#include "apps/xrbench/operation.h"

#include <fmt/core.h>

#include <algorithm>
#include <any>

namespace xr::bench {

namespace {

using kernels::Conv2dParams;
using kernels::View;

std::int64_t bytes_of(const Operand& operand) {
  return operand.defined ? operand.shape.numel() * static_cast<std::int64_t>(kernels::size_of(operand.dtype))
                         : 0;
}

constexpr const char* through_onednn = "cpu: oneDNN";

/// The peer of a convolution with these operands among the views; none with a stride, a dilation or groups, which
/// it is not made for. `bias` is -1 where the pass has none.
void set_peer(Operation& operation, const Conv2dParams& params, ConvolutionPass pass, int x, int filter,
              int bias, int y) {
  if (params.stride_h != 1 || params.stride_w != 1 || params.dilation_h != 1 || params.dilation_w != 1 ||
      params.groups != 1 || params.padding_h != params.padding_w)
    return;
  operation.one_dnn = [=, padding = params.padding_h](Views v) {
    const auto view = [&](int index) { return index < 0 ? View{} : v[static_cast<std::size_t>(index)]; };
    return make_convolution_peer(pass, padding, view(x), view(filter), view(bias), view(y));
  };
}

/// What the CPU has for the call: who computes it, and oneDNN's primitive.
void describe_on_cpu(Operation& operation) {
  const std::any call = operation.call.call(tests::views_without_memory(operation.call.operands));
  if (const auto* forward = std::any_cast<kernels::Conv2dForward>(&call)) {
    operation.cpu_kernel = through_onednn;
    set_peer(operation, forward->params, ConvolutionPass::forward, 0, 1, 2, 3);
  } else if (const auto* data = std::any_cast<kernels::Conv2dBackwardData>(&call)) {
    operation.cpu_kernel = through_onednn;
    set_peer(operation, data->params, ConvolutionPass::backward_data, 2, 1, -1, 0);
  } else if (const auto* filter = std::any_cast<kernels::Conv2dBackwardFilter>(&call)) {
    operation.cpu_kernel = fmt::format("cpu: {}", kernels::cpu_kernel_of(*filter));
    set_peer(operation, filter->params, ConvolutionPass::backward_filter, 0, 2, 3, 1);
  } else if (const auto* product = std::any_cast<kernels::Matmul>(&call)) {
    operation.cpu_kernel = through_onednn;
    operation.one_dnn = [a = product->transpose_a, b = product->transpose_b](Views v) {
      return make_matmul_peer(v[0], a, v[1], b, View{}, v[2]);
    };
  } else if (std::any_cast<kernels::LinearForward>(&call) != nullptr) {
    operation.cpu_kernel = through_onednn;
    operation.one_dnn = [](Views v) { return make_matmul_peer(v[0], false, v[1], true, v[2], v[3]); };
  } else if (std::any_cast<kernels::Reorder>(&call) != nullptr) {
    operation.cpu_kernel = through_onednn;
  }
}

}  // namespace

std::string Operation::shape() const {
  const auto first = [&](auto... roles) {
    return std::ranges::find_if(call.operands,
                                [=](const Operand& operand) { return ((operand.role == roles) || ...); });
  };
  const auto none = call.operands.end();
  const auto in = first(Role::input), out = first(Role::output), changed = first(Role::state);
  std::string text;
  if (out == none)
    text = changed == none ? "" : tests::times(changed->shape);
  else if (in == none || in->shape == out->shape)
    text = tests::times(out->shape);
  else
    text = fmt::format("{} -> {}", tests::times(in->shape), tests::times(out->shape));
  return call.detail.empty() ? text : fmt::format("{}, {}", text, call.detail);
}

std::int64_t Operation::footprint() const {
  std::int64_t sum = 0;
  for (const Operand& operand : call.operands) sum += bytes_of(operand);
  return sum;
}

std::int64_t Operation::touched_bytes() const {
  std::int64_t sum = 0;
  for (const Operand& operand : call.operands)
    if (operand.role != Role::scratch) sum += bytes_of(operand);
  return sum;
}

std::vector<Operation> network_operations(const Case& c, const kernels::Backend& backend) {
  std::vector<Operation> operations;
  for (tests::Benchmark& benchmark : tests::benchmarks_of(c, backend)) {
    Operation operation{.name = std::move(benchmark.name), .call = std::move(benchmark.call)};
    operation.operation = std::move(benchmark.operation);
    describe_on_cpu(operation);
    operations.push_back(std::move(operation));
  }
  return operations;
}

bool is_case(const Operation& operation, const std::string& name) {
  return operation.name == name ||
         operation.operation + operation.name.substr(operation.name.find('/')) == name;
}

}  // namespace xr::bench
