#include "model/onnx/write.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <onnx/onnx_pb.h>

#include <bit>

#include "engine/io/atomic_file.h"

namespace xr::model::onnx {

namespace {

namespace proto = ::onnx;

static_assert(std::endian::native == std::endian::little, "raw_data of a tensor is little-endian");

// Operator set 17 came with version 8 of the format, and runtimes of its time refuse later ones.
constexpr int operator_set = 17, ir_version = 8;
constexpr std::uint64_t max_bytes = (std::uint64_t{1} << 31) - 1;

void set_attribute(proto::AttributeProto& attribute, std::int64_t value) {
  attribute.set_type(proto::AttributeProto::INT);
  attribute.set_i(value);
}

void set_attribute(proto::AttributeProto& attribute, float value) {
  attribute.set_type(proto::AttributeProto::FLOAT);
  attribute.set_f(value);
}

void set_attribute(proto::AttributeProto& attribute, const std::vector<std::int64_t>& values) {
  attribute.set_type(proto::AttributeProto::INTS);
  for (const std::int64_t value : values) attribute.add_ints(value);
}

void add_node(proto::GraphProto& graph, const Node& node) {
  proto::NodeProto& result = *graph.add_node();
  result.set_op_type(node.type);
  result.set_name(node.name);
  for (const std::string& input : node.inputs) result.add_input(input);
  result.add_output(node.output);
  for (const auto& [name, value] : node.attributes) {
    proto::AttributeProto& attribute = *result.add_attribute();
    attribute.set_name(name);
    std::visit([&](const auto& held) { set_attribute(attribute, held); }, value);
  }
}

void add_constant(proto::GraphProto& graph, const Constant& constant) {
  proto::TensorProto& tensor = *graph.add_initializer();
  tensor.set_name(constant.name);
  tensor.set_data_type(proto::TensorProto::FLOAT);
  for (const std::int64_t extent : constant.shape) tensor.add_dims(extent);
  tensor.set_raw_data(constant.values.data(), constant.values.size() * sizeof(float));
}

void describe_value(proto::ValueInfoProto& info, const Value& value) {
  info.set_name(value.name);
  proto::TypeProto::Tensor& tensor = *info.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(value.type == ValueType::u8 ? proto::TensorProto::UINT8 : proto::TensorProto::FLOAT);
  for (const std::int64_t extent : value.shape) {
    auto& dimension = *tensor.mutable_shape()->add_dim();
    if (extent < 0)
      dimension.set_dim_param("batch");
    else
      dimension.set_dim_value(extent);
  }
}

void check_size(const Graph& graph) {
  std::uint64_t bytes = 0;
  for (const Constant& constant : graph.constants) bytes += constant.values.size() * sizeof(float);
  XR_CHECK_CODE(bytes < max_bytes - (1 << 20), onnx_too_large,
                "the network has {} bytes of weights, an ONNX file holds at most {}", bytes, max_bytes);
}

/// The same bytes every time, which maps in a message would not have by themselves.
std::string bytes_of(const proto::ModelProto& model) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    XR_CHECK(model.SerializeToCodedStream(&coded), "the ONNX graph cannot be serialised");
  }
  return bytes;
}

}  // namespace

bool can_write() {
  return true;
}

void write(const std::filesystem::path& path, const Graph& graph, const Description& description) {
  check_size(graph);
  proto::ModelProto model;
  model.set_ir_version(ir_version);
  model.set_producer_name(description.producer);
  model.set_producer_version(description.producer_version);
  model.add_opset_import()->set_version(operator_set);
  for (const auto& [key, value] : description.metadata) {
    auto& entry = *model.add_metadata_props();
    entry.set_key(key);
    entry.set_value(value);
  }
  proto::GraphProto& result = *model.mutable_graph();
  result.set_name(description.name);
  describe_value(*result.add_input(), graph.input);
  for (const Value& output : graph.outputs) describe_value(*result.add_output(), output);
  for (const Node& node : graph.nodes) add_node(result, node);
  for (const Constant& constant : graph.constants) add_constant(result, constant);
  engine::write_file_atomically(path, bytes_of(model));
}

}  // namespace xr::model::onnx
