// Building the list of operations: shared by the files that describe them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "apps/xrbench/operation.h"

namespace xr::bench {

using kernels::Backend;
using kernels::DType;
using kernels::GradientWrite;
using kernels::Layout;
using kernels::Shape;
using kernels::View;

struct OperationList {
  const Case& c;
  const Backend& backend;
  std::vector<Operation> operations;

  /// In the activations' type and, if it has four dimensions, the layout that the backend prefers.
  [[nodiscard]] Operand activation(std::string name, const Shape& shape, Role role = Role::input) const {
    const Layout layout = shape.rank() == 4 ? backend.preferred_layout(shape[1]) : Layout::contiguous;
    return {.name = std::move(name), .shape = shape, .role = role, .dtype = c.activation, .layout = layout};
  }

  void add(Operation operation) { operations.push_back(std::move(operation)); }
};

/// Read twice, see Operand::passes.
[[nodiscard]] inline Operand twice(Operand operand) {
  operand.passes = 2;
  return operand;
}

[[nodiscard]] inline Operand parameter(std::string name, const Shape& shape, Role role = Role::input,
                                       Values values = Values::normal) {
  return {.name = std::move(name), .shape = shape, .role = role, .values = values};
}

/// "60x32x113x113"
[[nodiscard]] std::string times(const Shape& shape);

void add_convolution(OperationList& list, const std::string& block, const Shape& x, std::int64_t out,
                     std::int64_t padding, bool input_gradient);
/// Convolutions of the default network, xray_resnet, whose shapes and strides report_cnn does not have.
void add_residual_convolutions(OperationList& list, std::int64_t batch, std::int64_t channels,
                               std::int64_t size);
/// Batch norm, ReLU and pooling, fused and one by one.
void add_normalisation(OperationList& list, const std::string& number, const Shape& x);
void add_linear(OperationList& list, const std::string& layer, std::int64_t in, std::int64_t out);
/// What the network uses only a little or not at all. features: the output of the first block.
void add_others(OperationList& list, const Shape& features, std::int64_t hidden, std::int64_t classes,
                std::int64_t parameters);

}  // namespace xr::bench
