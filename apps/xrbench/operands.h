// Device memory for an operation's operands, and what is in it.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "apps/xrbench/operation.h"

namespace xr::bench {

/// Host copies of the compared operands (outputs and states) as float, in the order of the operands.
using Results = std::vector<std::vector<float>>;

class Operands {
 public:
  /// Allocates; contents are unspecified.
  Operands(kernels::Backend& backend, const Operation& operation);
  Operands(const Operands&) = delete;
  Operands& operator=(const Operands&) = delete;
  ~Operands();

  [[nodiscard]] Views views() const { return views_; }

  /// Draws inputs and states anew: the same `seed`, the same values. Values are rounded to bf16 where `types`
  /// (an operation with the same operands) has bf16, so that f32 operands can hold the same numbers.
  void fill(const Operation& types, std::uint64_t seed);
  /// Draws the states alone anew: what calls change, but for outputs.
  void redraw_states(const Operation& types, std::uint64_t seed);
  /// NaN into outputs.
  void poison();
  /// Waits for the device.
  [[nodiscard]] Results results() const;

  /// Relative norm differences |computed - expected| / |expected|, the largest of all results; NaN where one
  /// is NaN.
  [[nodiscard]] double difference(const Results& expected) const;

 private:
  void free_all();
  void fill_roles(std::initializer_list<Role> roles, const Operation& types, std::uint64_t seed);
  void fill_one(std::size_t index, const Operand& type, std::uint64_t seed);
  [[nodiscard]] bool is_compared(std::size_t index) const;
  /// Elements [begin, end) of a view.
  void read(const kernels::View& view, std::int64_t begin, std::int64_t end, float* to) const;

  kernels::Backend& backend_;
  const Operation& operation_;
  std::vector<kernels::View> views_;
};

}  // namespace xr::bench
