// Convolutions and linear layers.
#include <algorithm>

#include "apps/xrbench/operation_list.h"
#include "kernels/cpu/conv2d/conv2d.h"

namespace xr::bench {

namespace {

using kernels::Conv2dParams;

constexpr const char* through_onednn = "cpu: oneDNN";

/// The hand-written kernels of kernels/cuda/conv2d/conv2d.cu; what does not fit a call is left out when it is timed.
std::vector<std::string> convolution_variants() {
  return {"direct",
          "few_channels_shared",
          "implicit_gemm_v1_64x64",
          "implicit_gemm_v2_64x64",
          "implicit_gemm_v2_128x32",
          "implicit_gemm_v2_128x64",
          "implicit_gemm_v3_128x32",
          "implicit_gemm_v3_128x64",
          "implicit_gemm_v3_256x64",
          "implicit_gemm_v3_32x288",
          "implicit_gemm_v3_64x288"};
}

struct Convolution {
  Shape x, y, filter;
  std::int64_t padding = 0, stride = 1;
  bool bias = true;
  std::vector<std::string> variants = {};

  [[nodiscard]] Conv2dParams params() const {
    return {.stride_h = stride, .stride_w = stride, .padding_h = padding, .padding_w = padding};
  }
  /// Operands, and the bias (or its gradient) behind them if there is one.
  [[nodiscard]] std::vector<Operand> with_bias(std::vector<Operand> operands, Operand of_bias) const {
    if (bias) operands.push_back(std::move(of_bias));
    return operands;
  }
  [[nodiscard]] std::int64_t operations() const { return 2 * y.numel() * filter[1] * filter[2] * filter[3]; }
  [[nodiscard]] std::string description() const {
    return fmt::format("{} -> {}x{}x{}, {}x{}, padding {}{}", times(x), y[1], y[2], y[3], filter[2],
                       filter[3], padding, stride == 1 ? "" : fmt::format(", stride {}", stride));
  }
  using MakePeer = std::function<std::unique_ptr<OneDnnPeer>(Views)>;
  /// None with a stride, which oneDNN's peer is not made for.
  [[nodiscard]] MakePeer peer(MakePeer make) const { return stride == 1 ? std::move(make) : MakePeer{}; }
};

/// The fourth operand, if there is one.
View bias_of(Views v) {
  return v.size() > 3 ? v[3] : View{};
}

/// As the CPU backend chooses.
std::string cpu_filter_kernel(const OperationList& list, const Convolution& conv) {
  const kernels::Conv2dProblem problem{.params = conv.params(),
                                       .batch = conv.x[0],
                                       .in_channels = conv.x[1],
                                       .in_h = conv.x[2],
                                       .in_w = conv.x[3],
                                       .out_channels = conv.y[1],
                                       .kernel_h = conv.filter[2],
                                       .kernel_w = conv.filter[3],
                                       .out_h = conv.y[2],
                                       .out_w = conv.y[3],
                                       .x_layout = list.backend.preferred_layout(conv.x[1]),
                                       .y_layout = list.backend.preferred_layout(conv.y[1])};
  if (kernels::cpu::has_few_channels(problem)) return "cpu: few_channels";
  return kernels::cpu::has_winograd_backward_filter(problem) ? "cpu: winograd" : through_onednn;
}

Operation forward(const OperationList& list, const std::string& block, const Convolution& conv) {
  const Conv2dParams params = conv.params();
  return {.name = block + "_forward",
          .shape = conv.description(),
          .operands = conv.with_bias({list.activation("x", conv.x), parameter("filter", conv.filter),
                                      list.activation("y", conv.y, Role::output)},
                                     parameter("bias", {conv.y[1]})),
          .call =
              [params](Backend& b, Views v) {
                b.run(kernels::Conv2dForward{
                    .x = v[0], .filter = v[1], .bias = bias_of(v), .y = v[2], .params = params});
              },
          .operations = conv.operations(),
          .is_product = true,
          .cpu_kernel = through_onednn,
          .variants = conv.variants,
          .one_dnn = conv.peer([padding = conv.padding](Views v) {
            return make_convolution_peer(ConvolutionPass::forward, padding, v[0], v[1], bias_of(v), v[2]);
          })};
}

Operation backward_data(const OperationList& list, const std::string& block, const Convolution& conv) {
  const Conv2dParams params = conv.params();
  return {.name = block + "_backward_data",
          .shape = conv.description(),
          .operands = {list.activation("dy", conv.y), parameter("filter", conv.filter),
                       list.activation("dx", conv.x, Role::output)},
          .call =
              [params](Backend& b, Views v) {
                b.run(kernels::Conv2dBackwardData{.dy = v[0], .filter = v[1], .dx = v[2], .params = params});
              },
          .operations = conv.operations(),
          .is_product = true,
          .cpu_kernel = through_onednn,
          .variants = conv.variants,
          .one_dnn = conv.peer([padding = conv.padding](Views v) {
            return make_convolution_peer(ConvolutionPass::backward_data, padding, v[2], v[1], View{}, v[0]);
          })};
}

Operation backward_filter(const OperationList& list, const std::string& block, const Convolution& conv) {
  const Conv2dParams params = conv.params();
  return {.name = block + "_backward_filter",
          .shape = conv.description(),
          .operands = conv.with_bias({list.activation("x", conv.x), list.activation("dy", conv.y),
                                      parameter("d_filter", conv.filter, Role::output)},
                                     parameter("d_bias", {conv.y[1]}, Role::output)),
          .call =
              [params](Backend& b, Views v) {
                b.run(kernels::Conv2dBackwardFilter{
                    .x = v[0], .dy = v[1], .d_filter = v[2], .d_bias = bias_of(v), .params = params});
              },
          .operations = conv.operations(),
          .is_product = true,
          .cpu_kernel = cpu_filter_kernel(list, conv),
          .variants = conv.variants,
          .one_dnn = conv.peer([padding = conv.padding](Views v) {
            return make_convolution_peer(ConvolutionPass::backward_filter, padding, v[0], v[2], bias_of(v),
                                         v[1]);
          })};
}

}  // namespace

void add_convolution(OperationList& list, const std::string& block, const Shape& x, std::int64_t out,
                     std::int64_t padding, bool input_gradient) {
  const auto extent = [&](std::int64_t in) { return in + 2 * padding - 2; };
  const Convolution conv{.x = x,
                         .y = {x[0], out, extent(x[2]), extent(x[3])},
                         .filter = {out, x[1], 3, 3},
                         .padding = padding,
                         .variants = convolution_variants()};
  list.add(forward(list, block, conv));
  if (input_gradient) list.add(backward_data(list, block, conv));
  list.add(backward_filter(list, block, conv));
}

void add_residual_convolutions(OperationList& list, std::int64_t batch, std::int64_t channels,
                               std::int64_t size) {
  const auto add = [&](const char* name, std::int64_t in, std::int64_t out, std::int64_t extent,
                       std::int64_t kernel, std::int64_t stride) {
    const std::int64_t padding = kernel / 2, results = (extent + 2 * padding - kernel) / stride + 1;
    const Convolution conv{.x = {batch, in, extent, extent},
                           .y = {batch, out, results, results},
                           .filter = {out, in, kernel, kernel},
                           .padding = padding,
                           .stride = stride,
                           .bias = false};  // batch norm follows
    list.add(forward(list, name, conv));
    if (in != channels) list.add(backward_data(list, name, conv));
    list.add(backward_filter(list, name, conv));
  };
  const std::int64_t first = size / 4;  // behind the stem and its pooling
  add("resnet_stem", channels, 32, size, 5, 2);
  add("resnet_layer1", 32, 32, first, 3, 1);
  add("resnet_layer2_first", 32, 64, first, 3, 2);
  add("resnet_layer2_shortcut", 32, 64, first, 1, 2);
  add("resnet_layer4", 256, 256, std::max<std::int64_t>(1, first / 8), 3, 1);
}

void add_linear(OperationList& list, const std::string& layer, std::int64_t in, std::int64_t out) {
  const std::int64_t batch = list.c.batch, operations = 2 * batch * in * out;
  const std::string shape = fmt::format("{}x{} -> {}", batch, in, out);
  const std::vector<std::string> variants{"strided"};
  list.add({.name = layer + "_forward",
            .shape = shape,
            .operands = {list.activation("x", {batch, in}), parameter("weight", {out, in}),
                         parameter("bias", {out}), list.activation("y", {batch, out}, Role::output)},
            .call =
                [](Backend& b, Views v) {
                  b.run(kernels::LinearForward{.x = v[0], .weight = v[1], .bias = v[2], .y = v[3]});
                },
            .operations = operations,
            .is_product = true,
            .cpu_kernel = through_onednn,
            .variants = variants,
            .one_dnn = [](Views v) { return make_matmul_peer(v[0], false, v[1], true, v[2], v[3]); }});
  list.add({.name = layer + "_backward_data",
            .shape = shape,
            .operands = {list.activation("dy", {batch, out}), parameter("weight", {out, in}),
                         list.activation("dx", {batch, in}, Role::output)},
            .call = [](Backend& b, Views v) { b.run(kernels::Matmul{.a = v[0], .b = v[1], .c = v[2]}); },
            .operations = operations,
            .is_product = true,
            .cpu_kernel = through_onednn,
            .variants = variants,
            .one_dnn = [](Views v) { return make_matmul_peer(v[0], false, v[1], false, View{}, v[2]); }});
  list.add(
      {.name = layer + "_backward_weight",
       .shape = shape,
       .operands = {list.activation("dy", {batch, out}), list.activation("x", {batch, in}),
                    parameter("d_weight", {out, in}, Role::output)},
       .call = [](Backend& b,
                  Views v) { b.run(kernels::Matmul{.a = v[0], .b = v[1], .c = v[2], .transpose_a = true}); },
       .operations = operations,
       .is_product = true,
       .cpu_kernel = through_onednn,
       .variants = variants,
       .one_dnn = [](Views v) { return make_matmul_peer(v[0], true, v[1], false, View{}, v[2]); }});
  list.add({.name = layer + "_backward_bias",
            .shape = fmt::format("{}x{} -> {}", batch, out, out),
            .operands = {list.activation("dy", {batch, out}), parameter("d_bias", {out}, Role::output)},
            .call = [](Backend& b, Views v) { b.run(kernels::SumToShape{.x = v[0], .y = v[1]}); }});
}

}  // namespace xr::bench
