#include "apps/xrbench/operation.h"

#include "apps/xrbench/operation_list.h"
#include "model/networks/report_cnn.h"

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
  const model::ReportCnnWidths widths;
  constexpr std::int64_t classes = 2;
  const std::int64_t last = model::ReportCnn::final_extent(c.size, c.padding);
  XR_CHECK(c.batch >= 1 && c.channels >= 1 && c.padding >= 0,
           "a batch of {} images with {} channels and padding {}: batch and channels must be at least 1",
           c.batch, c.channels, c.padding);
  XR_CHECK(last >= 1, "images of {} x {} are too small for the network: use --size 16 or more", c.size,
           c.size);
  const std::int64_t first = c.size + 2 * c.padding - 2, second = first / 2 - 2;
  const std::int64_t features = widths.layer2 * last * last;

  OperationList list{c, backend, {}};
  add_convolution(list, "conv1", {c.batch, c.channels, c.size, c.size}, widths.layer1, c.padding, false);
  add_normalisation(list, "1", {c.batch, widths.layer1, first, first});
  add_convolution(list, "conv2", {c.batch, widths.layer1, first / 2, first / 2}, widths.layer2, 0, true);
  add_normalisation(list, "2", {c.batch, widths.layer2, second, second});
  add_linear(list, "fc1", features, widths.fc1);
  add_linear(list, "fc2", widths.fc1, widths.fc2);
  add_linear(list, "fc3", widths.fc2, classes);
  const std::int64_t convolutions =
      widths.layer1 * (9 * c.channels + 3) + widths.layer2 * (9 * widths.layer1 + 3);
  const std::int64_t linears =
      (features + 1) * widths.fc1 + (widths.fc1 + 1) * widths.fc2 + (widths.fc2 + 1) * classes;
  add_others(list, {c.batch, widths.layer1, first / 2, first / 2}, widths.fc1, classes,
             convolutions + linears);
  add_residual_convolutions(list, c.batch, c.channels, c.size);
  return std::move(list.operations);
}

}  // namespace xr::bench
