#include "tests/ops/call.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>

namespace xr::tests {

namespace {

Operand operand_of(std::string name, const Shape& shape, Role role, DType dtype, Layout layout) {
  Operand operand;
  operand.name = std::move(name);
  operand.shape = shape;
  operand.role = role;
  operand.dtype = dtype;
  operand.layout = layout;
  return operand;
}

}  // namespace

Operand Operand::drawn(Values from) const {
  Operand changed = *this;
  changed.values = from;
  return changed;
}

Operand Operand::only_if(bool is_defined) const {
  Operand changed = *this;
  changed.defined = is_defined;
  return changed;
}

Operand input(std::string name, const Shape& shape, DType dtype, Layout layout) {
  return operand_of(std::move(name), shape, Role::input, dtype, layout);
}

Operand output(std::string name, const Shape& shape, DType dtype, Layout layout) {
  return operand_of(std::move(name), shape, Role::output, dtype, layout);
}

Operand state(std::string name, const Shape& shape, DType dtype, Layout layout) {
  return operand_of(std::move(name), shape, Role::state, dtype, layout);
}

Operand kept(std::string name, const Shape& shape, DType dtype, Layout layout) {
  return operand_of(std::move(name), shape, Role::kept, dtype, layout);
}

Operand made(std::string name, const Shape& shape, DType dtype, Layout layout) {
  return operand_of(std::move(name), shape, Role::made, dtype, layout);
}

Operand scratch(std::string name, const Shape& shape, DType dtype, Layout layout) {
  return operand_of(std::move(name), shape, Role::scratch, dtype, layout);
}

Operand& Call::operand(const std::string& name_of_operand) {
  const auto found = std::ranges::find(operands, name_of_operand, &Operand::name);
  XR_CHECK(found != operands.end(), "{} has no operand {}", name, name_of_operand);
  return *found;
}

Call&& Call::holds(const std::string& name_of_operand, Tensor values) && {
  Operand& held = operand(name_of_operand);
  XR_CHECK(values.shape == held.shape, "{} of {} has shape {}, not {}", name_of_operand, name,
           held.shape.to_string(), values.shape.to_string());
  held.contents = std::make_shared<const Tensor>(std::move(values));
  return std::move(*this);
}

Call&& Call::expects(const std::string& name_of_operand, Expected expected) && {
  Operand& written = operand(name_of_operand);
  XR_CHECK(written.is_written(), "{} does not write {}", name, name_of_operand);
  // The type is the operand's.
  expected.dtype = written.dtype;
  written.expected = std::move(expected);
  return std::move(*this);
}

Call&& Call::with(const std::string& more_detail) && {
  detail += (detail.empty() ? "" : ", ") + more_detail;
  return std::move(*this);
}

std::string Call::describe() const {
  std::string text = name + (detail.empty() ? "" : ", " + detail) + " (";
  bool first = true;
  for (const Operand& one : operands) {
    if (!one.defined) continue;
    text += fmt::format("{}{} {}", first ? "" : ", ", one.name,
                        tests::describe(one.shape, one.layout, one.dtype));
    first = false;
  }
  return text + ")";
}

std::vector<View> views_without_memory(const std::vector<Operand>& operands) {
  static std::byte placeholder{};  // an undefined view has no address
  std::vector<View> views;
  for (const Operand& operand : operands) {
    View view;
    if (operand.defined) {
      view.data = &placeholder;
      view.shape = operand.shape;
      view.dtype = operand.dtype;
      view.layout = operand.layout;
    }
    views.push_back(view);
  }
  return views;
}

Tensor to_single(Tensor values) {
  for (double& value : values.values) value = static_cast<double>(static_cast<float>(value));
  return values;
}

Tensor to_type(Tensor values, DType dtype) {
  for (double& value : values.values) value = rounded(value, dtype);
  return values;
}

Tensor with_bf16_nan(Tensor values, DType dtype) {
  if (dtype == DType::bf16)
    for (std::int64_t i = 3; i < values.size(); i += 11) values[i] = std::nan("");
  return values;
}

std::string describe(const Shape& shape, Layout layout, DType dtype) {
  return fmt::format("{} {}{}", shape.to_string(), name_of(layout),
                     dtype == DType::f32 ? "" : fmt::format(" {}", name_of(dtype)));
}

std::string times(const Shape& shape) {
  std::string text;
  for (const std::int64_t extent : shape) text += fmt::format("{}{}", text.empty() ? "" : "x", extent);
  return text.empty() ? "scalar" : text;
}

}  // namespace xr::tests
