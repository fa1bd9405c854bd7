// Networks as ONNX graphs. What ONNX Runtime makes of them: tests/apps/xrtrain/export/check_onnx.py.
#include "model/onnx/graph.h"

#include <algorithm>
#include <set>

#include "engine/ops/add.h"
#include "engine/ops/softmax.h"
#include "model/layers/batch_norm2d.h"
#include "model/layers/conv2d.h"
#include "model/layers/flatten.h"
#include "model/layers/linear.h"
#include "model/model.h"
#include "model/onnx/ends.h"
#include "model/onnx/write.h"
#include "model/sequential.h"
#include "tests/engine/support.h"

using namespace xr;
using namespace xr::model;
using engine::test::error_of;

namespace {

onnx::Graph graph_of(const std::string& name, std::int64_t size = 32) {
  ModelSettings settings;
  settings.name = name;
  settings.image_size = size;
  return onnx::trace_graph(*make_model(settings), {1, size, size});
}

std::ptrdiff_t count(const onnx::Graph& graph, const std::string& type) {
  return std::ranges::count(graph.nodes, type, &onnx::Node::type);
}

const onnx::Node& node_named(const onnx::Graph& graph, const std::string& name) {
  const auto found = std::ranges::find(graph.nodes, name, &onnx::Node::name);
  REQUIRE(found != graph.nodes.end());
  return *found;
}

const onnx::Attribute& attribute(const onnx::Node& node, const std::string& name) {
  for (const auto& [key, value] : node.attributes)
    if (key == name) return value;
  FAIL(name);
  return node.attributes.front().second;
}

/// Every value is made once, before it is read.
void check_order(const onnx::Graph& graph) {
  std::set<std::string> known{graph.input.name};
  for (const onnx::Constant& constant : graph.constants) CHECK(known.insert(constant.name).second);
  for (const onnx::Node& node : graph.nodes) {
    for (const std::string& input : node.inputs) CHECK(known.contains(input));
    CHECK(known.insert(node.output).second);
  }
  for (const onnx::Value& output : graph.outputs) CHECK(known.contains(output.name));
}

/// A network that adds a constant of its own, or asks for a softmax.
class Unusual final : public Module {
 public:
  explicit Unusual(bool softmax) : softmax_(softmax) {
    Initializer initializer{.seed = 1};
    linear_ = std::make_unique<Linear>(initializer, 4, 2);
    register_module("linear", *linear_);
  }
  [[nodiscard]] Shape output_shape(const Shape& x) const override { return {x[0], 2}; }

 private:
  [[nodiscard]] Tensor forward(const Tensor& x) override {
    const Tensor y = (*linear_)(Flatten()(x));
    return softmax_ ? engine::softmax(y) : engine::add(y, Tensor::full({1, 2}, 1.0f));
  }
  bool softmax_;
  std::unique_ptr<Linear> linear_;
};

}  // namespace

TEST_CASE("every network becomes a graph without batch norm, each constant with a name of its own") {
  for (const std::string& name : model_names()) {
    CAPTURE(name);
    onnx::Graph graph = graph_of(name);
    check_order(graph);
    CHECK(graph.outputs.front().shape == std::vector<std::int64_t>{-1, 2});
    onnx::fold_batch_norms(graph);
    check_order(graph);
    CHECK(count(graph, "BatchNormalization") == 0);
  }
}

TEST_CASE("parameters keep the names of the state dict") {
  ModelSettings settings;
  settings.name = "resnet18";
  settings.image_size = 32;
  const auto network = make_model(settings);
  const onnx::Graph graph = onnx::trace_graph(*network, {1, 32, 32});
  for (const NamedTensor& entry : network->state())
    if (!entry.name.ends_with("num_batches_tracked"))
      CHECK(graph.constant(entry.name).values == entry.tensor.to_host());
  CHECK(node_named(graph, "layer1.0.conv1").type == "Conv");
}

TEST_CASE("a batch norm goes into the convolution before it, else becomes a scale and a shift") {
  onnx::Graph resnet = graph_of("resnet18");
  onnx::fold_batch_norms(resnet);
  CHECK(count(resnet, "Mul") == 0);
  CHECK(count(resnet, "Conv") == 20);
  CHECK(resnet.constant("conv1.bias").shape == std::vector<std::int64_t>{64});
  onnx::Graph dark = graph_of("darkcovidnet");  // its last batch norm follows a ReLU
  onnx::fold_batch_norms(dark);
  CHECK(count(dark, "Mul") == 1);
  CHECK(dark.constant("13.2.scale").shape == std::vector<std::int64_t>{1, 2, 1, 1});
  onnx::Graph dense = graph_of("densenet121");  // one convolution of each layer is followed by one
  onnx::fold_batch_norms(dense);
  CHECK(count(dense, "Mul") == 62);
  CHECK(count(dense, "Conv") == 120);
}

TEST_CASE("a convolution whose result something else reads keeps it") {
  onnx::Graph graph{
      .nodes = {{"Conv", "conv", {"input", "conv.weight"}, "a"},
                {"BatchNormalization", "norm", {"a", "w", "b", "m", "v"}, "c", {{"epsilon", 0.0f}}},
                {"Add", "sum", {"a", "c"}, "logits"}},
      .constants = {{"conv.weight", {1, 1, 1, 1}, {3}},
                    {"w", {1}, {2}},
                    {"b", {1}, {5}},
                    {"m", {1}, {1}},
                    {"v", {1}, {4}}},
      .input = {"input", {-1, 1, 1, 1}},
      .outputs = {{"logits", {-1, 1, 1, 1}}}};
  onnx::Graph alone = graph;
  onnx::fold_batch_norms(graph);
  CHECK(graph.constant("conv.weight").values == std::vector{3.0f});
  CHECK(graph.constant("norm.scale").values == std::vector{1.0f});  // 2 / sqrt(4)
  CHECK(graph.constant("norm.shift").values == std::vector{4.0f});  // 5 - 1
  alone.nodes.back() = {"Relu", "relu", {"c"}, "logits"};
  onnx::fold_batch_norms(alone);
  CHECK(alone.nodes.size() == 2);
  CHECK(alone.constant("conv.weight").values == std::vector{3.0f});
  CHECK(alone.constant("conv.bias").values == std::vector{4.0f});
  CHECK(alone.constants.size() == 2);
}

TEST_CASE("padding at one end only stands in pads") {
  const onnx::Graph graph = graph_of("efficientnet_lite0");
  const auto pads = std::get<std::vector<std::int64_t>>(attribute(node_named(graph, "_conv_stem"), "pads"));
  CHECK(pads == std::vector<std::int64_t>{0, 0, 1, 1});  // 32 to 16 with a 3x3 filter of stride 2
  CHECK(std::get<std::int64_t>(attribute(node_named(graph, "_blocks.0._depthwise_conv"), "group")) == 32);
}

TEST_CASE("what has no place in a graph is refused by name") {
  Unusual softmax(true), constant(false);
  CHECK(error_of([&] { (void)onnx::trace_graph(softmax, {1, 2, 2}); }).find("softmax") != std::string::npos);
  CHECK(error_of([&] {
          (void)onnx::trace_graph(constant, {1, 2, 2});
        }).find("add reads") != std::string::npos);
}

TEST_CASE("tracing leaves the training mode as it was") {
  ModelSettings settings;
  settings.image_size = 32;
  const auto network = make_model(settings);
  network->set_training(true);
  (void)onnx::trace_graph(*network, {1, 32, 32});
  CHECK(network->training());
}

TEST_CASE("ends: bytes in, probabilities out") {
  onnx::Graph graph = graph_of("xray_resnet");
  onnx::add_image_input(graph, {0.5f, 0, 0}, {0.25f, 1, 1});
  onnx::add_probabilities(graph, onnx::Probabilities::of_classes, 2.0);
  check_order(graph);
  CHECK(graph.input.type == onnx::ValueType::u8);
  CHECK(graph.constant("image.mean").values == std::vector{0.5f});
  REQUIRE(graph.outputs.size() == 3);
  CHECK(graph.outputs[2].name == "calibrated_probabilities");
  onnx::Graph labels = graph_of("xray_resnet");
  onnx::add_probabilities(labels, onnx::Probabilities::of_labels, std::nullopt);
  CHECK(labels.outputs.size() == 2);
  CHECK(count(labels, "Sigmoid") == 1);
}

TEST_CASE("ONNX files: the same graph gives the same bytes, or a build without the library says so") {
  engine::test::TemporaryFolder folder;
  const onnx::Graph graph = graph_of("darkcovidnet");
  const onnx::Description description{"test", "1", "darkcovidnet", {{"a", "1"}, {"b", "2"}}};
  if (!onnx::can_write()) {
    CHECK_THROWS_AS(onnx::write(folder / "a.onnx", graph, description), Error);
    return;
  }
  onnx::write(folder / "a.onnx", graph, description);
  onnx::write(folder / "b.onnx", graph_of("darkcovidnet"), description);
  const std::string bytes = engine::test::read_file(folder / "a.onnx");
  CHECK(bytes.size() > 4'000'000);
  CHECK(bytes == engine::test::read_file(folder / "b.onnx"));
}
