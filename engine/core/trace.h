// What a network computes, as a list of operations: record() reports each one to the trace of its thread.
#pragma once

#include <initializer_list>
#include <string>
#include <variant>
#include <vector>

#include "engine/core/tensor.h"

namespace xr::engine {

/// What an operation is given besides its inputs; a float is a factor.
using OperationParams =
    std::variant<std::monostate, kernels::Conv2dParams, kernels::Pool2dParams, kernels::BatchNormParams,
                 kernels::LeakyReluParams, kernels::DropoutParams, float>;

struct TracedOperation {
  std::string name;            ///< the function's, "conv2d"
  std::vector<Tensor> inputs;  ///< in the function's order; undefined ones (no bias) as well
  Tensor output;
  OperationParams params;
};

/// While one lives, the operations of its thread are listed in the order in which they run, with all tensors (so
/// that a tensor is told from another by its state()). Fused operations run as the ones that they are made of. One
/// at a time in a thread.
class Trace {
 public:
  Trace();
  ~Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  [[nodiscard]] const std::vector<TracedOperation>& operations() const { return operations_; }

  /// Whether one lives in this thread.
  [[nodiscard]] static bool active();
  /// Adds an operation to this thread's trace, if there is one.
  static void report(const char* name, std::initializer_list<Tensor> inputs, const Tensor& output,
                     const OperationParams& params);

 private:
  std::vector<TracedOperation> operations_;
};

}  // namespace xr::engine
