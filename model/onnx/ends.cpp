#include "model/onnx/ends.h"

namespace xr::model::onnx {

namespace {

Constant per_channel(const char* name, std::int64_t channels, const std::array<float, 3>& values) {
  return {name, {1, channels, 1, 1}, {values.begin(), values.begin() + channels}};
}

constexpr std::int64_t float_type = 1;  // onnx::TensorProto::FLOAT

void add_probability_output(Graph& graph, Probabilities kind, const std::string& logits,
                            const std::string& output) {
  Node node{kind == Probabilities::of_labels ? "Sigmoid" : "Softmax", output, {logits}, output};
  if (kind == Probabilities::of_classes) node.attributes.emplace_back("axis", std::int64_t{1});
  graph.nodes.push_back(node);
  Value value = graph.outputs.front();
  value.name = output;
  graph.outputs.push_back(value);
}

}  // namespace

void add_image_input(Graph& graph, const std::array<float, 3>& mean, const std::array<float, 3>& deviation) {
  const std::int64_t channels = graph.input.shape[1];
  XR_CHECK(channels <= 3, "an image has 1 to 3 channels, not {}", channels);
  graph.constants.push_back({"image.scale", {}, {1.0f / 255.0f}});
  graph.constants.push_back(per_channel("image.mean", channels, mean));
  graph.constants.push_back(per_channel("image.deviation", channels, deviation));
  const std::vector<Node> first = {
      {"Cast", "image_cast", {"image"}, "image_floats", {{"to", float_type}}},
      {"Mul", "image_scale", {"image_floats", "image.scale"}, "image_scaled"},
      {"Sub", "image_mean", {"image_scaled", "image.mean"}, "image_centred"},
      {"Div", "image_deviation", {"image_centred", "image.deviation"}, graph.input.name}};
  graph.nodes.insert(graph.nodes.begin(), first.begin(), first.end());
  graph.input.name = "image";
  graph.input.type = ValueType::u8;
}

void add_probabilities(Graph& graph, Probabilities kind, std::optional<double> temperature) {
  add_probability_output(graph, kind, "logits", "probabilities");
  if (!temperature) return;
  XR_CHECK(*temperature > 0, "the temperature is {}: use one above 0", *temperature);
  graph.constants.push_back({"temperature", {}, {static_cast<float>(*temperature)}});
  graph.nodes.push_back({"Div", "temperature_scaling", {"logits", "temperature"}, "calibrated_logits"});
  add_probability_output(graph, kind, "calibrated_logits", "calibrated_probabilities");
}

}  // namespace xr::model::onnx
