#include "kernels/cudnn/convolution_plan.h"

#include <algorithm>
#include <utility>

#include "kernels/common/error.h"
#include "kernels/cudnn/operations.h"

namespace xr::kernels::cudnn {

namespace {

// The operands' names in a graph and in a variant pack.
enum Uid : std::int64_t { uid_x = 1, uid_filter, uid_y, uid_bias, uid_product };

cudnnDataType_t data_type(DType dtype) {
  XR_CHECK(dtype == DType::f32 || dtype == DType::bf16, "cuDNN: an operand of type {}: use f32 or bf16",
           name_of(dtype));
  return dtype == DType::bf16 ? CUDNN_DATA_BFLOAT16 : CUDNN_DATA_FLOAT;
}

Descriptor make_tensor(const CudnnLibrary& library, std::int64_t uid, const Operand& operand,
                       bool is_virtual = false) {
  Descriptor tensor(library, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  tensor.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, uid);
  tensor.set(CUDNN_ATTR_TENSOR_DATA_TYPE, data_type(operand.dtype));
  tensor.set<std::int64_t>(CUDNN_ATTR_TENSOR_DIMENSIONS, operand.extents);
  tensor.set<std::int64_t>(CUDNN_ATTR_TENSOR_STRIDES, operand.strides);
  tensor.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, operand.alignment);
  if (is_virtual) tensor.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, true);
  tensor.finalize();
  return tensor;
}

Descriptor make_geometry(const CudnnLibrary& library, const Convolution& c) {
  Descriptor geometry(library, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  geometry.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT);
  geometry.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_CROSS_CORRELATION);
  geometry.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, std::int64_t{2});
  geometry.set<std::int64_t>(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, c.padding);
  geometry.set<std::int64_t>(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, c.padding_end);
  geometry.set<std::int64_t>(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, c.stride);
  geometry.set<std::int64_t>(CUDNN_ATTR_CONVOLUTION_DILATIONS, c.dilation);
  geometry.finalize();
  return geometry;
}

/// The names of the attributes of one of the three operations.
struct OperationAttributes {
  cudnnBackendDescriptorType_t type;
  cudnnBackendAttributeName_t alpha, beta, geometry, filter, x, y;
};

OperationAttributes attributes_of(Pass pass) {
  switch (pass) {
    case Pass::backward_data:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY};
    case Pass::backward_filter:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY};
    case Pass::forward:
      break;
  }
  return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
          CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
          CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA,
          CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
          CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
          CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
          CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y};
}

/// The convolution that writes `y`, which is c.y or the sum's operand.
Descriptor make_convolution(const CudnnLibrary& library, const Convolution& c, const Descriptor& y) {
  const OperationAttributes attributes = attributes_of(c.pass);
  Descriptor operation(library, attributes.type);
  operation.set(attributes.alpha, 1.0f);
  operation.set(attributes.beta, c.accumulate ? 1.0f : 0.0f);
  operation.set(attributes.geometry, make_geometry(library, c));
  operation.set(attributes.filter, make_tensor(library, uid_filter, c.filter));
  operation.set(attributes.x, make_tensor(library, uid_x, c.x));
  operation.set(attributes.y, y);
  operation.finalize();
  return operation;
}

/// y = product + bias.
Descriptor make_bias_sum(const CudnnLibrary& library, const Convolution& c, const Descriptor& product) {
  Descriptor sum(library, CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  sum.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_POINTWISE_ADD);
  sum.set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT);
  sum.finalize();
  const std::int64_t channels = c.y.extents[1];
  const Operand bias{DType::f32, {1, channels, 1, 1}, {channels, 1, channels, channels}, c.bias_alignment};
  Descriptor operation(library, CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, sum);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, product);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, make_tensor(library, uid_bias, bias));
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, make_tensor(library, uid_y, c.y));
  operation.finalize();
  return operation;
}

/// None if cuDNN has no such graph.
std::optional<Descriptor> make_graph(const Target& target, const Convolution& c) {
  const CudnnLibrary& library = *target.library;
  const bool with_bias = c.bias_alignment > 0;
  Operand product = c.y;
  if (with_bias) product.dtype = DType::f32;  // rounded once, behind the sum
  const Descriptor y = make_tensor(library, with_bias ? uid_product : uid_y, product, with_bias);
  std::vector<Descriptor> operations;
  operations.push_back(make_convolution(library, c, y));
  if (c.bias_alignment > 0) operations.push_back(make_bias_sum(library, c, y));
  Descriptor graph(library, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, operations);
  if (target.handle != nullptr) graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, target.handle);
  if (!library.has(graph.try_finalize(), "cudnnBackendFinalize")) return std::nullopt;
  return graph;
}

/// What the heuristics propose, the best first.
std::vector<Descriptor> engine_configurations(const Target& target, const Descriptor& graph,
                                              cudnnBackendHeurMode_t mode) {
  Descriptor heuristics(*target.library, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, mode);
  if (target.device_properties != nullptr)
    heuristics.set(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, *target.device_properties);
  // A mode that knows nothing about a graph says so by a status: the next mode is asked.
  if (heuristics.try_finalize() != CUDNN_STATUS_SUCCESS) return {};
  return heuristics.get_descriptors(CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
}

/// None if this configuration cannot be built for the target.
std::optional<Descriptor> make_execution_plan(const Target& target, const Descriptor& configuration) {
  Descriptor plan(*target.library, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
  if (target.handle != nullptr) plan.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, target.handle);
  if (target.device_properties != nullptr)
    plan.set(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, *target.device_properties);
  plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration);
  if (plan.try_finalize() != CUDNN_STATUS_SUCCESS) return std::nullopt;
  return plan;
}

std::string text_of(const std::array<std::int64_t, 4>& extents) {
  return Shape{extents[0], extents[1], extents[2], extents[3]}.to_string();
}

}  // namespace

std::int64_t alignment_of(const void* data) {
  const auto address = reinterpret_cast<std::uintptr_t>(data);
  std::int64_t alignment = 16;
  while (address % static_cast<std::uintptr_t>(alignment) != 0) alignment /= 2;
  return alignment;
}

Operand operand_of(const ConstView& view) {
  const Shape& s = view.shape;
  Operand operand{view.dtype,
                  {s[0], s[1], s[2], s[3]},
                  {s[1] * s[2] * s[3], s[2] * s[3], s[3], 1},
                  alignment_of(view.data)};
  if (view.layout == Layout::channels_last) operand.strides = {s[1] * s[2] * s[3], 1, s[1] * s[3], s[1]};
  return operand;
}

const char* name_of(Pass pass) {
  switch (pass) {
    case Pass::forward:
      return "conv2d_forward";
    case Pass::backward_data:
      return "conv2d_backward_data";
    case Pass::backward_filter:
      return "conv2d_backward_filter";
  }
  return "?";
}

std::string Convolution::describe() const {
  return fmt::format(
      "{} of x {} {}, filter {} {}, y {} {}, padding {}x{} to {}x{}, stride {}x{}, dilation {}x{}, groups {}{}{}{}",
      name_of(pass), text_of(x.extents), kernels::name_of(x.dtype), text_of(filter.extents),
      kernels::name_of(filter.dtype), text_of(y.extents), kernels::name_of(y.dtype), padding[0], padding[1],
      padding_end[0], padding_end[1], stride[0], stride[1], dilation[0], dilation[1], groups,
      bias_alignment > 0 ? ", bias" : "", accumulate ? ", accumulated" : "", tf32 ? ", tf32" : "");
}

bool is_allowed(std::span<const cudnnBackendNumericalNote_t> notes, bool tensor_cores) {
  return std::none_of(notes.begin(), notes.end(), [&](cudnnBackendNumericalNote_t note) {
    switch (note) {
      case CUDNN_NUMERICAL_NOTE_TENSOR_CORE:
        return !tensor_cores;
      case CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP:
        return false;
      default:  // what a later version adds is unknown, and so refused
        return true;
    }
  });
}

void ConvolutionPlan::run(cudnnHandle_t handle, const void* x, const void* filter, const void* y,
                          const void* bias, void* workspace) const {
  // The API takes pointers to what may be written, and writes only the output.
  const std::array<std::int64_t, 4> uids{uid_x, uid_filter, uid_y, uid_bias};
  const std::array<void*, 4> pointers{const_cast<void*>(x), const_cast<void*>(filter), const_cast<void*>(y),
                                      const_cast<void*>(bias)};
  const std::size_t operands = bias_ ? 4 : 3;
  const CudnnLibrary& library = plan_.library();
  Descriptor pack(library, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, std::span(uids).first(operands));
  pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, std::span<void* const>(pointers).first(operands));
  pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, workspace);
  pack.finalize();
  XR_CUDNN_CALL(library, cudnnBackendExecute, handle, plan_.raw(), pack.raw());
}

ConvolutionPlanner::ConvolutionPlanner(const Target& target, const Convolution& convolution,
                                       std::size_t max_workspace)
    : target_(target),
      convolution_(convolution),
      max_workspace_(max_workspace),
      graph_(make_graph(target, convolution)) {}

std::optional<ConvolutionPlan> ConvolutionPlanner::make(const Descriptor& configuration) const {
  const Convolution& c = convolution_;
  const std::vector<Descriptor> engines =
      configuration.get_descriptors(CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  XR_CHECK(engines.size() == 1, "cuDNN: a configuration of {} engines", engines.size());
  auto notes = engines[0].get<cudnnBackendNumericalNote_t>(CUDNN_ATTR_ENGINE_NUMERICAL_NOTE);
  if (!is_allowed(notes, c.tf32 || c.x.dtype == DType::bf16)) return std::nullopt;
  std::optional<Descriptor> built = make_execution_plan(target_, configuration);
  if (!built) return std::nullopt;
  ConvolutionPlan plan(std::move(*built), c.pass, c.bias_alignment > 0);
  plan.workspace_bytes_ =
      static_cast<std::size_t>(plan.plan_.get_one<std::int64_t>(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE));
  if (plan.workspace_bytes_ > max_workspace_) return std::nullopt;
  plan.name_ = fmt::format("cudnn {}, engine {}", name_of(c.pass),
                           engines[0].get_one<std::int64_t>(CUDNN_ATTR_ENGINE_GLOBAL_INDEX));
  if (!plans_.empty()) plan.name_ += fmt::format(", plan {}", plans_.size());
  plan.notes_ = std::move(notes);
  return plan;
}

bool ConvolutionPlanner::make_next() {
  constexpr std::array modes{CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK};
  while (graph_) {
    if (next_ == configurations_.size()) {
      if (modes_asked_ == modes.size()) return false;
      configurations_ = engine_configurations(target_, *graph_, modes[modes_asked_++]);
      next_ = 0;
      continue;
    }
    std::optional<ConvolutionPlan> plan = make(configurations_[next_++]);
    if (!plan) continue;
    plans_.push_back(std::move(*plan));
    return true;
  }
  return false;
}

const ConvolutionPlan* ConvolutionPlanner::at(std::size_t index) {
  while (plans_.size() <= index)
    if (!make_next()) return nullptr;
  return &plans_[index];
}

const ConvolutionPlan* ConvolutionPlans::find(const Convolution& convolution, int index) {
  auto entry = planners_.find(convolution);
  if (entry == planners_.end())
    entry = planners_.emplace(convolution, ConvolutionPlanner(target_, convolution, max_workspace_)).first;
  return index < max_plans ? entry->second.at(static_cast<std::size_t>(index)) : nullptr;
}

}  // namespace xr::kernels::cudnn
