// What cuDNN and cuBLAS can do of backend.h, as the fallback and the yardstick of the hand-written kernels.
// Nothing of their headers is needed to use it. kernels/absent_cudnn stands in where they were not there.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "kernels/backend.h"

namespace xr::kernels::cudnn {

/// What ran, for the record of launches; null: the libraries do not have the operation for these operands,
/// and nothing was queued.
using Ran = const char*;

/// Plans of a convolution among which a benchmark can choose, at most; and what BackendOptions::variant, with
/// KernelChoice::cudnn, chooses them by: "cudnn_plan_3".
constexpr int max_plans = 8;
constexpr std::string_view plan_variant = "cudnn_plan_";

/// The operations of Backend of the same name, for operands that are not empty and have been checked.
/// Whatever is configured, results are the same from run to run; f32 products are rounded to TF32 in
/// Precision::tf32 and bf16 only.
class Operations {
 public:
  Operations() = default;
  Operations(const Operations&) = delete;
  Operations& operator=(const Operations&) = delete;
  virtual ~Operations() = default;

  /// "cuDNN 9.19.0 and cuBLAS 13.2.0"
  [[nodiscard]] virtual std::string version() const = 0;
  virtual void set_precision(Precision precision) = 0;
  /// Which of its plans a convolution takes, from 0 (the usual one) to max_plans - 1: for benchmarks. Where
  /// there are fewer, the convolution counts as one that the libraries do not have.
  virtual void set_convolution_plan(int index) = 0;

  virtual Ran conv2d_forward(const Conv2dProblem& problem, ConstView x, ConstView filter, ConstView bias,
                             View y) = 0;
  virtual Ran conv2d_backward_data(const Conv2dProblem& problem, ConstView dy, ConstView filter, View dx,
                                   GradientWrite write) = 0;
  virtual Ran conv2d_backward_filter(const Conv2dProblem& problem, ConstView x, ConstView dy, View d_filter,
                                     View d_bias, GradientWrite write) = 0;

  virtual Ran avg_pool2d_forward(const Pool2dParams& params, ConstView x, View y) = 0;
  virtual Ran global_avg_pool2d_forward(ConstView x, View y) = 0;

  virtual Ran relu_forward(ConstView x, View y) = 0;
  virtual Ran relu_backward(ConstView y, ConstView dy, View dx, GradientWrite write) = 0;
  virtual Ran batch_norm2d_forward_training(const BatchNormParams& params, ConstView x, ConstView gamma,
                                            ConstView beta, View running_mean, View running_var, View y,
                                            View mean, View inverse_std) = 0;
  virtual Ran batch_norm2d_forward_inference(const BatchNormParams& params, ConstView x, ConstView gamma,
                                             ConstView beta, ConstView running_mean, ConstView running_var,
                                             View y) = 0;
  virtual Ran batch_norm2d_backward_training(ConstView x, ConstView dy, ConstView gamma, ConstView mean,
                                             ConstView inverse_std, View dx, GradientWrite write_dx,
                                             View d_gamma, GradientWrite write_d_gamma, View d_beta,
                                             GradientWrite write_d_beta) = 0;
  virtual Ran softmax_forward(ConstView x, View y) = 0;
  virtual Ran softmax_backward(ConstView y, ConstView dy, View dx, GradientWrite write) = 0;
  virtual Ran log_softmax_forward(ConstView x, View y) = 0;
  virtual Ran log_softmax_backward(ConstView y, ConstView dy, View dx, GradientWrite write) = 0;

  virtual Ran matmul(ConstView a, bool transpose_a, ConstView b, bool transpose_b, View c,
                     GradientWrite write) = 0;
  virtual Ran linear_forward(ConstView x, ConstView weight, ConstView bias, View y) = 0;
};

/// Where the operations run.
struct Place {
  /// Asked for memory, casts, sums and broadcasts; it must outlive the operations and must not ask them for
  /// these.
  Backend& own;
  void* stream;  ///< a cudaStream_t of the current CUDA device
  /// Whether recorded work may still use memory that was asked for earlier.
  std::function<bool()> has_captured;
};

/// Opens the libraries. Throws Error that says what is missing and what to do.
[[nodiscard]] std::unique_ptr<Operations> make_operations(const Place& place);

/// One line: the versions that make_operations would open, or what is missing.
[[nodiscard]] std::string describe_libraries();

}  // namespace xr::kernels::cudnn
