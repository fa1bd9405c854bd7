#include "model/onnx/graph.h"

#include <fmt/core.h>

#include <algorithm>
#include <unordered_map>

#include "engine/core/autograd.h"

namespace xr::model::onnx {

namespace {

using engine::TracedOperation;

using Attributes = std::vector<std::pair<std::string, Attribute>>;

/// What one operation becomes.
struct Translation {
  const char* type;
  Attributes attributes = {};
};

template <class Params>
const Params& params_of(const TracedOperation& operation) {
  const auto* params = std::get_if<Params>(&operation.params);
  XR_CHECK(params != nullptr, "the operation {} was traced without its parameters", operation.name);
  return *params;
}

Translation pooling(const TracedOperation& operation, const char* type) {
  const auto& p = params_of<kernels::Pool2dParams>(operation);
  return {type,
          {{"kernel_shape", std::vector{p.kernel_h, p.kernel_w}},
           {"strides", std::vector{p.stride_h, p.stride_w}},
           {"pads", std::vector{p.padding_h, p.padding_w, p.padding_h, p.padding_w}}}};
}

Translation max_pool2d(const TracedOperation& operation) {
  return pooling(operation, "MaxPool");
}

Translation avg_pool2d(const TracedOperation& operation) {
  Translation result = pooling(operation, "AveragePool");
  result.attributes.emplace_back("count_include_pad", std::int64_t{1});
  return result;
}

Translation conv2d(const TracedOperation& operation) {
  const auto& p = params_of<kernels::Conv2dParams>(operation);
  const Shape& filter = operation.inputs[1].shape();
  return {
      "Conv",
      {{"kernel_shape", std::vector{filter[2], filter[3]}},
       {"strides", std::vector{p.stride_h, p.stride_w}},
       {"dilations", std::vector{p.dilation_h, p.dilation_w}},
       {"group", p.groups},
       // top, left, bottom, right
       {"pads", std::vector{p.padding_h, p.padding_w, p.padding_h + p.extra_h, p.padding_w + p.extra_w}}}};
}

Translation batch_norm2d(const TracedOperation& operation) {
  XR_CHECK(operation.inputs[0].rank() == 4, "the operation batch_norm2d of {} has no translation into ONNX",
           operation.inputs[0].shape().to_string());
  return {"BatchNormalization", {{"epsilon", params_of<kernels::BatchNormParams>(operation).epsilon}}};
}

Translation leaky_relu(const TracedOperation& operation) {
  return {"LeakyRelu", {{"alpha", params_of<kernels::LeakyReluParams>(operation).negative_slope}}};
}

Translation linear(const TracedOperation& /*operation*/) {
  return {"Gemm", {{"transB", std::int64_t{1}}}};
}

Translation concat_channels(const TracedOperation& /*operation*/) {
  return {"Concat", {{"axis", std::int64_t{1}}}};
}

/// Only what keeps the images apart, so that their number can vary.
Translation reshape(const TracedOperation& operation) {
  const Shape &from = operation.inputs[0].shape(), &to = operation.output.shape();
  XR_CHECK(to.rank() == 2 && from.rank() >= 2 && from[0] == to[0],
           "the operation reshape from {} to {} has no translation into ONNX, only one to (N, rest)",
           from.to_string(), to.to_string());
  return {"Flatten", {{"axis", std::int64_t{1}}}};
}

using Translate = Translation (*)(const TracedOperation&);

struct Rule {
  const char* operation;
  Translate translate;  ///< null: the same value, in another memory layout or type
};

const Rule rules[] = {
    {"add", [](const TracedOperation&) { return Translation{"Add"}; }},
    {"avg_pool2d", avg_pool2d},
    {"batch_norm2d", batch_norm2d},
    {"cast", nullptr},
    {"concat_channels", concat_channels},
    {"conv2d", conv2d},
    // One value for each image and channel; (N, C, 1, 1) is flattened below.
    {"global_avg_pool2d", [](const TracedOperation&) { return Translation{"GlobalAveragePool"}; }},
    {"leaky_relu", leaky_relu},
    {"linear", linear},
    {"max_pool2d", max_pool2d},
    {"relu", [](const TracedOperation&) { return Translation{"Relu"}; }},
    {"relu6", [](const TracedOperation&) { return Translation{"Clip"}; }},
    {"reorder", nullptr},
    {"reshape", reshape},
};

const Rule& rule_for(const std::string& operation) {
  const auto* const found =
      std::ranges::find_if(rules, [&](const Rule& rule) { return operation == rule.operation; });
  XR_CHECK(found != std::end(rules), "the operation {} has no translation into ONNX", operation);
  return *found;
}

std::vector<std::int64_t> extents_of(const Shape& shape) {
  std::vector<std::int64_t> result;
  for (std::size_t i = 0; i < shape.rank(); ++i) result.push_back(shape[i]);
  return result;
}

/// Makes nodes of operations, one after the other.
class Translator {
 public:
  Translator(Graph& graph, const std::vector<NamedTensor>& state) : graph_(graph) {
    for (const NamedTensor& entry : state) state_.emplace(entry.tensor.state().get(), &entry);
  }

  void name(const Tensor& tensor, const std::string& value) { values_[tensor.state().get()] = value; }

  void add(const TracedOperation& operation) {
    const Rule& rule = rule_for(operation.name);
    if (rule.translate == nullptr) return name(operation.output, value_of(operation, operation.inputs[0]));
    const Translation translation = rule.translate(operation);
    Node node{translation.type, {}, {}, {}, translation.attributes};
    for (const Tensor& input : operation.inputs)
      if (input.defined()) node.inputs.push_back(value_of(operation, input));
    const std::string number = std::to_string(graph_.nodes.size());
    node.output = operation.name + "_" + number;
    node.name = module_of(operation);
    if (node.name.empty()) node.name = node.output;
    if (operation.name == "relu6") add_bounds(node, 0.0f, 6.0f);
    graph_.nodes.push_back(node);
    if (operation.name == "global_avg_pool2d") {
      const std::string flat = node.output + "_flat";
      graph_.nodes.push_back({"Flatten", flat, {node.output}, flat, {{"axis", std::int64_t{1}}}});
      node.output = flat;
    }
    name(operation.output, node.output);
  }

  [[nodiscard]] std::string value_of(const TracedOperation& operation, const Tensor& tensor) {
    return value_of(operation.name, tensor);
  }

  [[nodiscard]] std::string value_of(const std::string& reader, const Tensor& tensor) {
    if (const auto made = values_.find(tensor.state().get()); made != values_.end()) return made->second;
    const auto parameter = state_.find(tensor.state().get());
    XR_CHECK(parameter != state_.end(),
             "{} reads a tensor of shape {} that is neither a parameter nor the result of an operation",
             reader, tensor.shape().to_string());
    const NamedTensor& entry = *parameter->second;
    graph_.constants.push_back({entry.name, extents_of(tensor.shape()), tensor.to_host()});
    name(tensor, entry.name);
    return entry.name;
  }

 private:
  /// Of the module whose parameters it uses: "layer1.0.conv1"; else empty.
  [[nodiscard]] std::string module_of(const TracedOperation& operation) const {
    for (const Tensor& input : operation.inputs)
      if (const auto found = state_.find(input.state().get()); found != state_.end())
        return found->second->name.substr(0, found->second->name.rfind('.'));
    return {};
  }

  void add_bounds(Node& node, float least, float most) {
    for (const auto& [name, value] : {std::pair{"relu6.min", least}, std::pair{"relu6.max", most}}) {
      if (std::ranges::find(graph_.constants, name, &Constant::name) == graph_.constants.end())
        graph_.constants.push_back({name, {}, {value}});
      node.inputs.emplace_back(name);
    }
  }

  Graph& graph_;
  std::unordered_map<const engine::TensorState*, const NamedTensor*> state_;
  std::unordered_map<const engine::TensorState*, std::string> values_;
};

/// In evaluation mode for as long as it lives.
class Evaluating {
 public:
  explicit Evaluating(Module& network) : network_(network), training_(network.training()) {
    network.set_training(false);
  }
  ~Evaluating() { network_.set_training(training_); }
  Evaluating(const Evaluating&) = delete;
  Evaluating& operator=(const Evaluating&) = delete;

 private:
  Module& network_;
  bool training_;
};

}  // namespace

const Constant& Graph::constant(const std::string& name) const {
  const auto found = std::ranges::find(constants, name, &Constant::name);
  XR_CHECK(found != constants.end(), "the graph has no constant {}", name);
  return *found;
}

Graph trace_graph(Module& network, const Shape& image) {
  XR_CHECK(image.rank() == 3, "an image is (channels, height, width), not {}", image.to_string());
  const Evaluating evaluating(network);
  const engine::NoGradGuard no_grad;
  const std::vector<NamedTensor> state = network.state();
  XR_CHECK(!state.empty(), "a network without parameters cannot be written");
  const Tensor input =
      Tensor::zeros({1, image[0], image[1], image[2]}, {.device = state.front().tensor.device()});
  const engine::Trace trace;
  const Tensor output = network(input);
  Graph graph;
  graph.input = {"input", {-1, image[0], image[1], image[2]}};
  Translator translator(graph, state);
  translator.name(input, graph.input.name);
  for (const TracedOperation& operation : trace.operations()) translator.add(operation);
  XR_CHECK(output.rank() == 2, "a network's result is (N, classes), not {}", output.shape().to_string());
  const std::string last = translator.value_of("the output", output);
  XR_CHECK(!graph.nodes.empty() && graph.nodes.back().output == last,
           "the network's result is not that of its last operation");
  graph.nodes.back().output = "logits";
  graph.outputs = {{"logits", {-1, output.dim(1)}}};
  return graph;
}

}  // namespace xr::model::onnx
