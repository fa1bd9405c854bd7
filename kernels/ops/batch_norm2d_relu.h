// Fused: batch norm + ReLU [+ 2x2 max pooling with stride 2], and batch norm + ReLU6. The same numbers as the composition of the
// three (within rounding), with fewer passes over memory. Backend::has_fused_batch_norm2d_relu says for which
// shapes and layouts; the engine composes the parts otherwise.
#pragma once

#include "kernels/ops/batch_norm2d.h"

namespace xr::kernels {

/// y (N, C, H, W), or (N, C, H / 2, W / 2) with pool. relu6 (not with pool): instead of ReLU. argmax (with pool): u8, as
/// many bytes as y has elements.
struct BatchNorm2dReluForwardTraining {
  static constexpr const char* name = "batch_norm2d_relu_forward_training";
  ConstView x, gamma, beta;
  View running_mean, running_var, y, argmax = {}, mean, inverse_std;
  BatchNormParams params = {};
  bool pool = false, relu6 = false;

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(x, x, y, argmax); }
  [[nodiscard]] std::int64_t flops() const { return 6 * x.numel(); }
};

/// argmax is not kept.
struct BatchNorm2dReluForwardInference {
  static constexpr const char* name = "batch_norm2d_relu_forward_inference";
  ConstView x, gamma, beta, running_mean, running_var;
  View y;
  BatchNormParams params = {};
  bool pool = false, relu6 = false;

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(x, y); }
  [[nodiscard]] std::int64_t flops() const { return 3 * x.numel(); }
};

/// y and argmax are forward's. Undefined gradients are skipped.
struct BatchNorm2dReluBackwardTraining {
  static constexpr const char* name = "batch_norm2d_relu_backward_training";
  ConstView x, y, argmax = {}, dy, gamma, beta, mean, inverse_std;
  Gradient dx = {}, d_gamma = {}, d_beta = {};
  bool pool = false, relu6 = false;

  void validate() const;
  /// The sums follow from y and dy: y has what ReLU let through, and the normalised values of that.
  [[nodiscard]] std::int64_t bytes() const {
    return bytes_of(y, dy) + bytes_of(x, argmax, dy) + bytes_of_gradient(dx);
  }
  [[nodiscard]] std::int64_t flops() const { return 9 * x.numel(); }
};

}  // namespace xr::kernels
