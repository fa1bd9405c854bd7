#include "tests/ops/gradient_case.h"

#include <span>

#include "engine/ops/reorder.h"

namespace xr::tests {

GradientOperand activation(const std::string& name, reference::Tensor value, kernels::Layout layout,
                           double min_norm) {
  return {name, std::move(value), layout, min_norm};
}

GradientOperand parameter(const std::string& name, reference::Tensor value) {
  GradientOperand operand{name, std::move(value)};
  operand.is_parameter = true;
  return operand;
}

engine::Tensor leaf_on(const kernels::Device& device, const reference::Tensor& value,
                       kernels::Layout layout) {
  std::vector<float> numbers;
  for (const double number : value.values) numbers.push_back(static_cast<float>(number));
  engine::Tensor tensor = engine::Tensor::from_host(std::span<const float>(numbers), value.shape, device);
  tensor = engine::reorder(tensor, layout);
  return tensor.set_requires_grad(true);
}

engine::Tensor constant_beside(const engine::Tensor& other, const reference::Tensor& value) {
  return leaf_on(other.device(), value, kernels::Layout::contiguous).detach();
}

}  // namespace xr::tests
