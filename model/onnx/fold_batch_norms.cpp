#include "model/fold_batch_norms.h"

#include <algorithm>
#include <span>

#include "model/onnx/graph.h"

namespace xr::model::onnx {

namespace {

/// What a batch norm does to a channel: y = scale x + shift.
struct RoundedScaleAndShift {
  std::vector<float> scale, shift;
};

/// Inputs: x, weight, bias, running_mean, running_var.
RoundedScaleAndShift scale_and_shift_of(const Graph& graph, const Node& norm) {
  XR_CHECK(norm.inputs.size() == 5, "the batch norm {} was traced while training", norm.name);
  const auto values = [&](std::size_t input) { return std::span(graph.constant(norm.inputs[input]).values); };
  const auto [scale, shift] = scale_and_shift(values(1), values(2), values(3), values(4),
                                              std::get<float>(norm.attributes.front().second));
  return {{scale.begin(), scale.end()}, {shift.begin(), shift.end()}};
}

Constant& find_constant(Graph& graph, const std::string& name) {
  return *std::ranges::find(graph.constants, name, &Constant::name);
}

std::ptrdiff_t readers_of(const Graph& graph, const std::string& value) {
  std::ptrdiff_t count = 0;
  for (const Node& node : graph.nodes) count += std::ranges::count(node.inputs, value);
  return count + std::ranges::count(graph.outputs, value, &Value::name);
}

/// The convolution that a batch norm can be put into, or null. Its parameters must be its own.
Node* convolution_before(const Graph& graph, std::vector<Node>& nodes, const Node& norm) {
  const auto made = std::ranges::find(nodes, norm.inputs[0], &Node::output);
  if (made == nodes.end() || made->type != "Conv" || readers_of(graph, made->output) != 1) return nullptr;
  for (std::size_t i = 1; i < made->inputs.size(); ++i)
    if (readers_of(graph, made->inputs[i]) != 1) return nullptr;
  return &*made;
}

void fold(Graph& graph, Node& convolution, const RoundedScaleAndShift& norm) {
  const std::size_t channels = norm.scale.size();
  Constant& weight = find_constant(graph, convolution.inputs[1]);
  const std::size_t filter = weight.values.size() / channels;
  for (std::size_t i = 0; i < weight.values.size(); ++i) weight.values[i] *= norm.scale[i / filter];
  if (convolution.inputs.size() == 2) {
    convolution.inputs.push_back(convolution.name + ".bias");
    graph.constants.push_back({convolution.inputs[2], {static_cast<std::int64_t>(channels)}, norm.shift});
    return;
  }
  Constant& bias = find_constant(graph, convolution.inputs[2]);
  for (std::size_t c = 0; c < channels; ++c) bias.values[c] = bias.values[c] * norm.scale[c] + norm.shift[c];
}

/// The same name means the same module, and so the same values.
void add_once(Graph& graph, const std::string& name, const std::vector<float>& values) {
  if (std::ranges::find(graph.constants, name, &Constant::name) == graph.constants.end())
    graph.constants.push_back({name, {1, static_cast<std::int64_t>(values.size()), 1, 1}, values});
}

void add_scale_and_shift(Graph& graph, const Node& node, const RoundedScaleAndShift& norm,
                         std::vector<Node>& nodes) {
  const std::string scale = node.name + ".scale", shift = node.name + ".shift",
                    scaled = node.output + "_scaled";
  add_once(graph, scale, norm.scale);
  add_once(graph, shift, norm.shift);
  nodes.push_back({"Mul", scale, {node.inputs[0], scale}, scaled});
  nodes.push_back({"Add", shift, {scaled, shift}, node.output});
}

void rename(std::vector<Node>& nodes, const std::string& from, const std::string& to) {
  for (Node& node : nodes)
    if (node.output == from) node.output = to;
}

}  // namespace

void fold_batch_norms(Graph& graph) {
  std::vector<Node> nodes;
  for (const Node& node : graph.nodes) {
    if (node.type != "BatchNormalization") {
      nodes.push_back(node);
      continue;
    }
    const RoundedScaleAndShift norm = scale_and_shift_of(graph, node);
    if (Node* convolution = convolution_before(graph, nodes, node)) {
      fold(graph, *convolution, norm);
      rename(nodes, node.inputs[0], node.output);
    } else {
      add_scale_and_shift(graph, node, norm, nodes);
    }
  }
  graph.nodes = std::move(nodes);
  std::erase_if(graph.constants,
                [&](const Constant& constant) { return readers_of(graph, constant.name) == 0; });
}

}  // namespace xr::model::onnx
