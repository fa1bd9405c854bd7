// x (N, C, H, W) or (N, C); all parameters and statistics f32 (C). mean and inverse_std = 1 / sqrt(biased
// variance + epsilon).
#pragma once

#include <initializer_list>

#include "kernels/ops/call.h"

namespace xr::kernels {

struct BatchNormParams {
  float epsilon = 1e-5f;
  /// running = (1 - momentum) running + momentum batch, unbiased variance, as PyTorch.
  float momentum = 0.1f;
};

/// running_mean and running_var may be undefined.
struct BatchNorm2dForwardTraining {
  static constexpr const char* name = "batch_norm2d_forward_training";
  ConstView x, gamma, beta;
  View running_mean, running_var, y, mean, inverse_std;
  BatchNormParams params = {};

  void validate() const;
  /// x twice: its statistics, then its values.
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(x, x, y); }
  [[nodiscard]] std::int64_t flops() const { return 5 * x.numel(); }
};

struct BatchNorm2dForwardInference {
  static constexpr const char* name = "batch_norm2d_forward_inference";
  ConstView x, gamma, beta, running_mean, running_var;
  View y;
  BatchNormParams params = {};

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(x, y); }
  [[nodiscard]] std::int64_t flops() const { return 2 * x.numel(); }
};

/// Through the batch statistics. Undefined gradients are skipped.
struct BatchNorm2dBackwardTraining {
  static constexpr const char* name = "batch_norm2d_backward_training";
  ConstView x, dy, gamma, mean, inverse_std;
  Gradient dx = {}, d_gamma = {}, d_beta = {};

  void validate() const;
  /// x and dy twice: their sums, then their values.
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(x, x, dy, dy) + bytes_of_gradient(dx); }
  [[nodiscard]] std::int64_t flops() const { return 8 * x.numel(); }
};

/// With the running statistics as constants: dx = dy gamma / sqrt(running_var + epsilon). Undefined gradients
/// are skipped.
struct BatchNorm2dBackwardInference {
  static constexpr const char* name = "batch_norm2d_backward_inference";
  ConstView x, dy, gamma, running_mean, running_var;
  Gradient dx = {}, d_gamma = {}, d_beta = {};
  BatchNormParams params = {};

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(x, dy) + bytes_of_gradient(dx); }
  [[nodiscard]] std::int64_t flops() const { return 4 * x.numel(); }
};

// For validate() of this operation and of batch_norm2d_relu. All throw Error.
struct NamedVector {
  const char* name;
  const ConstView& view;
};
/// x has channels, and each vector a value for each of them.
void require_channels(const char* operation, const ConstView& x, std::initializer_list<NamedVector> vectors);
/// The statistics of x exist: more than one value per channel. The running ones may be undefined.
void require_statistics(const char* operation, const ConstView& x, const ConstView& running_mean,
                        const ConstView& running_var);
void require_gradients(const char* operation, const ConstView& x, const Gradient& dx, const Gradient& d_gamma,
                       const Gradient& d_beta);

}  // namespace xr::kernels
