// Fused: batch norm + ReLU [+ 2x2 max pooling with stride 2], and batch norm + ReLU6. The same numbers as the composition of the
// three (within rounding), with fewer passes over memory. Backend::has_fused_batch_norm2d_relu says for which
// shapes and layouts; the engine composes the parts otherwise.
//
// Without pooling x (N, D, H, W) may have more channels than the parameters: then the first C of them are normalised, y and
// dy are (N, C, H, W), and dx, of the shape of x, is written for those channels alone. So DenseNet's layers read the
// features before them where they lie.
#pragma once

#include "kernels/ops/batch_norm2d.h"

namespace xr::kernels {

/// Of x's channels those that have a gamma.
[[nodiscard]] inline std::int64_t used_elements(const ConstView& x, const ConstView& gamma) {
  return x.numel() == 0 ? 0 : x.numel() / x.shape[1] * gamma.shape[0];
}
[[nodiscard]] inline std::int64_t used_bytes(const ConstView& x, const ConstView& gamma) {
  return used_elements(x, gamma) * static_cast<std::int64_t>(size_of(x.dtype));
}

/// y (N, C, H, W), or (N, C, H / 2, W / 2) with pool. relu6 (not with pool): instead of ReLU. argmax (with pool): u8, as
/// many bytes as y has elements.
struct BatchNorm2dReluForwardTraining {
  static constexpr const char* name = "batch_norm2d_relu_forward_training";
  ConstView x, gamma, beta;
  View running_mean, running_var, y, argmax = {}, mean, inverse_std;
  BatchNormParams params = {};
  bool pool = false, relu6 = false;

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const { return 2 * used_bytes(x, gamma) + bytes_of(y, argmax); }
  [[nodiscard]] std::int64_t flops() const { return 6 * used_elements(x, gamma); }
};

/// argmax is not kept.
struct BatchNorm2dReluForwardInference {
  static constexpr const char* name = "batch_norm2d_relu_forward_inference";
  ConstView x, gamma, beta, running_mean, running_var;
  View y;
  BatchNormParams params = {};
  bool pool = false, relu6 = false;

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const { return used_bytes(x, gamma) + bytes_of(y); }
  [[nodiscard]] std::int64_t flops() const { return 3 * used_elements(x, gamma); }
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
    const std::int64_t dx_passes = dx.view.defined() ? passes(dx.write) : 0;
    return bytes_of(y, dy) + bytes_of(argmax, dy) + (1 + dx_passes) * used_bytes(x, gamma);
  }
  [[nodiscard]] std::int64_t flops() const { return 9 * used_elements(x, gamma); }
};

}  // namespace xr::kernels
