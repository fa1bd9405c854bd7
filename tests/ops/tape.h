// Reverse-mode differentiation over the float64 oracle: what the engine's gradients are held against. Its own
// gradients are held against central differences of its forward, which shares nothing with its backward.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <vector>

#include "kernels/backend.h"
#include "tests/reference/tensor.h"

namespace xr::tests {

using kernels::BatchNormParams;
using kernels::Conv2dParams;
using kernels::CrossEntropyParams;
using kernels::DropoutParams;
using kernels::Pool2dParams;
using kernels::Shape;

struct Variable {
  reference::Tensor value, gradient;
};
using VariablePointer = std::shared_ptr<Variable>;

/// Running statistics of a batch norm; updated by a training call.
struct RunningStatistics {
  reference::Tensor mean, variance;
};

void add_gradient(const VariablePointer& variable, const reference::Tensor& gradient);

class Tape {
 public:
  [[nodiscard]] VariablePointer leaf(const reference::Tensor& value);

  VariablePointer add(const VariablePointer& a, const VariablePointer& b);
  VariablePointer multiply(const VariablePointer& a, const VariablePointer& b);
  /// scale * x
  VariablePointer scale(const VariablePointer& x, double scale);
  /// scale * the sum of all elements
  VariablePointer sum(const VariablePointer& x, double scale);
  VariablePointer matmul(const VariablePointer& a, const VariablePointer& b);
  /// bias may be null.
  VariablePointer linear(const VariablePointer& x, const VariablePointer& weight,
                         const VariablePointer& bias);
  /// bias may be null.
  VariablePointer conv2d(const Conv2dParams& params, const VariablePointer& x, const VariablePointer& filter,
                         const VariablePointer& bias);
  VariablePointer max_pool2d(const Pool2dParams& params, const VariablePointer& x);
  VariablePointer avg_pool2d(const Pool2dParams& params, const VariablePointer& x);
  VariablePointer global_avg_pool2d(const VariablePointer& x);
  VariablePointer relu(const VariablePointer& x);
  VariablePointer batch_norm2d(const BatchNormParams& params, const VariablePointer& x,
                               const VariablePointer& gamma, const VariablePointer& beta,
                               RunningStatistics& running, bool training);
  VariablePointer dropout(const DropoutParams& params, const VariablePointer& x);
  VariablePointer softmax(const VariablePointer& x);
  VariablePointer log_softmax(const VariablePointer& x);
  /// class_weights may be null.
  VariablePointer cross_entropy(const CrossEntropyParams& params, const VariablePointer& logits,
                                const std::vector<std::int64_t>& labels,
                                const reference::Tensor* class_weights);
  VariablePointer reshape(const VariablePointer& x, const Shape& shape);

  /// Any other operation: its value, and what adds the gradients of its inputs (add_gradient) for a dy.
  VariablePointer record(reference::Tensor value, std::function<void(const reference::Tensor& dy)> backward);
  /// The operation that is recorded next has a kink where an element of x is 0.
  void note_kinks_at_zero(const reference::Tensor& x);

  /// Gradients of sum(seed * root) for all variables of the tape.
  void backward(const VariablePointer& root, const reference::Tensor& seed);

  /// Which way each ReLU and each maximum went. Two runs on the same side of every kink have the same.
  [[nodiscard]] const std::vector<std::int64_t>& pattern() const { return pattern_; }
  /// Distance to the nearest kink: the least |x| of all ReLUs, and the least gap between the two largest
  /// values of all maxima (where ReLU has not made both 0, so that the choice does not matter).
  [[nodiscard]] double kink_distance() const { return kink_distance_; }

 private:
  struct Step {
    VariablePointer output;
    std::function<void(const reference::Tensor& dy)> backward;
  };
  std::vector<Step> steps_;
  std::vector<std::int64_t> pattern_;
  double kink_distance_ = std::numeric_limits<double>::infinity();
};

}  // namespace xr::tests
