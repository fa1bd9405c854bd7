// A network as ONNX describes it, before it is written: https://onnx.ai/onnx/intro/concepts.html
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/core/trace.h"
#include "model/module.h"

namespace xr::model::onnx {

using Attribute = std::variant<std::int64_t, float, std::vector<std::int64_t>>;

struct Node {
  std::string type;  ///< "Conv"
  std::string name;  ///< "layer1.0.conv1"
  std::vector<std::string> inputs;
  std::string output;
  std::vector<std::pair<std::string, Attribute>> attributes = {};
};

/// Constant floats, row-major.
struct Constant {
  std::string name;  ///< a parameter's is that of the state dict
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

enum class ValueType : std::uint8_t { f32, u8 };

/// An input or output; -1 stands for the number of images.
struct Value {
  std::string name;
  std::vector<std::int64_t> shape;
  ValueType type = ValueType::f32;
};

struct Graph {
  std::vector<Node> nodes;  ///< each after those that make its inputs
  std::vector<Constant> constants;
  Value input;
  std::vector<Value> outputs;

  /// Throws Error where there is none.
  [[nodiscard]] const Constant& constant(const std::string& name) const;
};

/// The network in evaluation mode, for images (channels, height, width), with the input "input" and the output
/// "logits". Runs it once; its training mode is afterwards what it was. Throws Error, with the operation's name, for
/// what has no place in a graph: an operation that is not translated, and a tensor that neither an operation nor the
/// network's state is the source of.
[[nodiscard]] Graph trace_graph(Module& network, const Shape& image);

/// Puts each batch norm into the convolution before it, where nothing else reads the convolution's result, and makes
/// a scale and a shift of each of the others.
void fold_batch_norms(Graph& graph);

}  // namespace xr::model::onnx
