// One call of a backend with its operands: what the kernel tests hold against the oracle and `xrbench kernels`
// times. The work that is in it comes from its struct in kernels/ops.
#pragma once

#include <any>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kernels/backend.h"
#include "tests/ops/tolerance.h"

namespace xr::tests {

using kernels::Backend;
using kernels::GradientWrite;
using kernels::Layout;
using kernels::Shape;
using kernels::View;

/// What a call does with an operand.
enum class Role : std::uint8_t {
  input,    ///< read
  output,   ///< written; NaN before a check
  state,    ///< read and written
  kept,     ///< written, in the backend's own format: not compared
  made,     ///< read, in the backend's own format: a call before this one makes it
  scratch,  ///< only Call::prepare uses it
};

/// How a benchmark draws the values of an operand.
enum class Values : std::uint8_t {
  normal,               ///< standard normal
  positive,             ///< uniform in [0.5, 1.5)
  labels,               ///< i64: 0 or 1
  bytes,                ///< u8: all values
  indices,              ///< i64: 0, 1, 2, ...
  records,              ///< u8: an AugmentRecord for each image, small rotations, shifts and zooms
  whole_image_records,  ///< u8: AugmentRecords that take images as they are
};

struct Operand {
  std::string name;
  Shape shape;
  Role role = Role::input;
  DType dtype = DType::f32;
  Layout layout = Layout::contiguous;
  bool defined = true;  ///< false: the call gets an undefined view
  Values values = Values::normal;
  std::int64_t image_size = 0;  ///< records: pixels in a row of the stored images

  // For a check:
  std::shared_ptr<const Tensor> contents = nullptr;  ///< before the call; null: NaN
  std::optional<Expected> expected = std::nullopt;   ///< of what is written; none: not compared

  [[nodiscard]] bool is_written() const {
    return role == Role::output || role == Role::state || role == Role::kept;
  }
  [[nodiscard]] bool is_read_only() const { return role == Role::input || role == Role::made; }
  [[nodiscard]] Operand drawn(Values from) const;
  [[nodiscard]] Operand only_if(bool is_defined) const;
};

[[nodiscard]] Operand input(std::string name, const Shape& shape, DType dtype = DType::f32,
                            Layout layout = Layout::contiguous);
[[nodiscard]] Operand output(std::string name, const Shape& shape, DType dtype = DType::f32,
                             Layout layout = Layout::contiguous);
[[nodiscard]] Operand state(std::string name, const Shape& shape, DType dtype = DType::f32,
                            Layout layout = Layout::contiguous);
[[nodiscard]] Operand kept(std::string name, const Shape& shape, DType dtype = DType::u8,
                           Layout layout = Layout::contiguous);
[[nodiscard]] Operand made(std::string name, const Shape& shape, DType dtype = DType::u8,
                           Layout layout = Layout::contiguous);
[[nodiscard]] Operand scratch(std::string name, const Shape& shape, DType dtype = DType::f32,
                              Layout layout = Layout::contiguous);

/// Of all operands, in their order.
using Views = std::span<const View>;

struct Call {
  std::string name;    ///< of the struct: "conv2d_backward_filter"
  std::string detail;  ///< parameters and shapes, for people
  std::vector<Operand> operands;
  std::function<void(Backend&, Views, GradientWrite)> run;
  std::function<std::any(Views)> call = {};  ///< the struct
  std::int64_t bytes = 0;                    ///< to move at least
  std::int64_t flops = 0;
  bool accumulates = false;  ///< whether it has a GradientWrite
  bool is_product = false;   ///< a convolution or matrix product: the precision decides its tolerance
  /// False for what oneDNN computes: it splits sums by the number of threads.
  bool same_for_any_threads = true;
  /// False: arrays begin at multiples of 16 bytes, as tensors do.
  bool any_address = true;
  /// For a benchmark: values of BackendOptions::variant that may fit it.
  std::vector<std::string> variants = {};
  /// For a benchmark: fills operands with Role::made.
  std::function<void(Backend&, Views)> prepare = {};

  // Chained setters; an operand that does not exist is an Error.
  [[nodiscard]] Call&& holds(const std::string& operand, Tensor values) &&;
  [[nodiscard]] Call&& expects(const std::string& operand, Expected expected) &&;
  [[nodiscard]] Call&& with(const std::string& more_detail) &&;

  [[nodiscard]] Operand& operand(const std::string& name_of_operand);
  /// "conv2d_forward, padding 2: x [2, 3, 5, 7] channels_last bf16, ..."
  [[nodiscard]] std::string describe() const;
};

/// Views of the operands' shapes, for counting: there is no memory behind them.
[[nodiscard]] std::vector<View> views_without_memory(const std::vector<Operand>& operands);

/// make(views) or make(views, write) returns the struct of the call.
template <class Make>
[[nodiscard]] Call call_of(std::vector<Operand> operands, Make make) {
  constexpr bool accumulates = std::invocable<Make, Views, GradientWrite>;
  const auto struct_of = [make](Views views, [[maybe_unused]] GradientWrite write) {
    if constexpr (accumulates)
      return make(views, write);
    else
      return make(views);
  };
  const std::vector<View> views = views_without_memory(operands);
  const auto plain = struct_of(views, GradientWrite::overwrite);
  Call call;
  call.name = plain.name;
  call.operands = std::move(operands);
  call.run = [struct_of](Backend& backend, Views v, GradientWrite write) {
    backend.run(struct_of(v, write));
  };
  call.call = [struct_of](Views v) { return std::any(struct_of(v, GradientWrite::overwrite)); };
  call.bytes = plain.bytes();
  call.flops = plain.flops();
  call.accumulates = accumulates;
  return call;
}

/// Rounded to single precision: what a backend gets when the oracle's result is its input.
[[nodiscard]] Tensor to_single(Tensor values);
/// Rounded to f32 or bf16.
[[nodiscard]] Tensor to_type(Tensor values, DType dtype);

/// bf16: with NaN among the values, at every place of a vector. Other types: as they are.
[[nodiscard]] Tensor with_bf16_nan(Tensor values, DType dtype);

/// "[2, 3, 5, 7] channels_last", or "[2, 3, 5, 7] channels_last bf16"
[[nodiscard]] std::string describe(const Shape& shape, Layout layout, DType dtype = DType::f32);
/// "2x3x5x7", or "scalar"
[[nodiscard]] std::string times(const Shape& shape);

}  // namespace xr::tests
