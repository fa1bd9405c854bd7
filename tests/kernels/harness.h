// Runs one operation on one backend and holds it against the oracle. Every run
// - puts inputs and outputs between guard zones and checks these afterwards,
// - starts outputs from NaN (or from given contents) and checks that inputs were not changed,
// - compares each output with the oracle under the one table of tolerances,
// - is repeated and must give the same bytes; on the cpu also with one and with three threads, elsewhere, if it
//   is small, also with every array 4 bytes (i64: 8) behind a multiple of the allocator's alignment.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kernels/common/random.h"
#include "kernels/registry.h"
#include "tests/kernels/guarded_buffer.h"
#include "tests/kernels/test_backends.h"
#include "tests/kernels/tolerance.h"
#include "tests/reference/gradient_check.h"
#include "tests/reference/tensor.h"

namespace xr::tests {

using kernels::ConstView;
using kernels::GradientWrite;
using reference::random_distinct;
using reference::random_normal;

struct Input {
  std::string name;
  Tensor values;
  Layout layout = Layout::contiguous;
  DType dtype = DType::f32;
  bool defined = true;  ///< false: the call gets an undefined view
};

struct Output {
  std::string name;
  Expected expected;
  Layout layout = Layout::contiguous;
  std::optional<Tensor> initial = std::nullopt;  ///< contents before the call; NaN without
  bool compared = true;  ///< false: private to the backend; only the guards and repeatability are checked
  bool defined = true;   ///< false: the call gets an undefined view
};

using Inputs = const std::vector<ConstView>&;
using Outputs = const std::vector<View>&;

/// One operation with its operands; the call gets the views in the order of the lists.
struct Operation {
  Backend& backend;
  std::string description;  ///< operation and case, for messages
  std::vector<Input> inputs;
  std::vector<Output> outputs;
  /// False for what oneDNN computes: it splits sums by the number of threads.
  bool same_for_any_threads = true;
  /// False: arrays begin at multiples of 16 bytes, as tensors do.
  bool any_address = true;
};

struct RunReport {
  std::vector<Tensor> values;         ///< of the outputs of the first run
  std::vector<std::string> problems;  ///< one line each; empty if all is well
};

/// Runs the operation as described above and returns what went wrong.
[[nodiscard]] RunReport run_operation(const Operation& operation,
                                      const std::function<void(Inputs, Outputs)>& call);

/// run_operation with each problem as a failed check. Returns the outputs.
std::vector<Tensor> check_operation(const Operation& operation,
                                    const std::function<void(Inputs, Outputs)>& call);

/// check_operation in both write modes: onto NaN, and added to random contents. Returns the outputs of
/// the first.
std::vector<Tensor> check_gradient(const Operation& operation,
                                   const std::function<void(Inputs, Outputs, GradientWrite)>& call);

/// Rounded to single precision: what a backend gets when the oracle's result is its input.
[[nodiscard]] Tensor to_single(Tensor values);
/// Rounded to f32 or bf16.
[[nodiscard]] Tensor to_type(Tensor values, DType dtype);

/// "[2, 3, 5, 7] channels_last", or "[2, 3, 5, 7] channels_last bf16"
[[nodiscard]] std::string describe(const Shape& shape, Layout layout, DType dtype = DType::f32);

}  // namespace xr::tests
