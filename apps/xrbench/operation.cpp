#include "apps/xrbench/operation.h"

#include "apps/xrbench/operation_list.h"
#include "model/model.h"

namespace xr::bench {

namespace {

std::int64_t bytes_of(const Operand& operand) {
  return operand.shape.numel() * static_cast<std::int64_t>(kernels::size_of(operand.dtype));
}

}  // namespace

std::int64_t Operation::bytes() const {
  std::int64_t sum = 0;
  for (const Operand& operand : operands)
    sum += bytes_of(operand) * operand.passes *
           (operand.role == Role::scratch ? 0
            : operand.role == Role::state ? 2
                                          : 1);
  return sum;
}

std::int64_t Operation::footprint() const {
  std::int64_t sum = 0;
  for (const Operand& operand : operands) sum += bytes_of(operand);
  return sum;
}

std::int64_t Operation::touched_bytes() const {
  std::int64_t sum = 0;
  for (const Operand& operand : operands)
    if (operand.role != Role::scratch) sum += bytes_of(operand);
  return sum;
}

std::string Case::to_string() const {
  return fmt::format("batch {}, {}x{}x{}, padding {}", batch, channels, size, size, padding);
}

std::string times(const Shape& shape) {
  std::string text;
  for (const std::int64_t extent : shape) text += fmt::format("{}{}", text.empty() ? "" : "x", extent);
  return text.empty() ? "scalar" : text;
}

std::vector<Operation> network_operations(const Case& c, const Backend& backend) {
  constexpr std::int64_t classes = 2;
  XR_CHECK(c.batch >= 1 && c.channels >= 1 && c.padding >= 0,
           "a batch of {} images with {} channels and padding {}: batch and channels must be at least 1",
           c.batch, c.channels, c.padding);
  const model::ModelSettings settings{.name = "report_cnn",
                                      .channels = c.channels,
                                      .image_size = c.size,
                                      .classes = classes,
                                      .padding = c.padding,
                                      .device = {}};
  const std::int64_t min_size = model::min_image_size(settings);
  XR_CHECK(c.size >= min_size, "images of {} x {} are too small for the network: use --size {} or more",
           c.size, c.size, min_size);
  const auto network = model::make_model_shapes(settings);
  const auto after = [&](const char* layer, const Shape& x) { return network->find(layer)->output_shape(x); };
  const Shape images{c.batch, c.channels, c.size, c.size};
  const Shape conv1 = after("layer1.0", images), pool1 = after("layer1.1", conv1);
  const Shape conv2 = after("layer2.0", pool1), features = after("flatten", after("layer2.1", conv2));
  const Shape fc1 = after("fc1", features), fc2 = after("fc2", fc1);

  OperationList list{c, backend, {}};
  add_convolution(list, "conv1", images, conv1[1], c.padding, false);
  add_normalisation(list, "1", conv1);
  add_convolution(list, "conv2", pool1, conv2[1], 0, true);
  add_normalisation(list, "2", conv2);
  add_linear(list, "fc1", features[1], fc1[1]);
  add_linear(list, "fc2", fc1[1], fc2[1]);
  add_linear(list, "fc3", fc2[1], classes);
  add_others(list, pool1, fc1[1], classes, network->parameter_count());
  add_residual_convolutions(list, c.batch, c.channels, c.size);
  return std::move(list.operations);
}

}  // namespace xr::bench
