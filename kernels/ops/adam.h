#pragma once

#include "kernels/ops/call.h"

namespace xr::kernels {

/// PyTorch's Adam (weight decay added to the gradient) and AdamW (decoupled).
struct AdamParams {
  float learning_rate = 1e-3f;
  double beta1 = 0.9, beta2 = 0.999;  ///< double: rounding 0.999 to float moves 1 - beta2 by 1.3e-5 of itself
  float epsilon = 1e-8f, weight_decay = 0.0f;
  bool decoupled_weight_decay = false;  ///< true: AdamW
  std::int64_t step = 1;                ///< counted from 1
};

/// Flat f32 arrays of equal length.
struct AdamStep {
  static constexpr const char* name = "adam_step";
  ConstView gradients;
  View parameters, first_moment, second_moment;
  AdamParams params = {};

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const { return 7 * bytes_of(parameters); }
  [[nodiscard]] std::int64_t flops() const { return 14 * parameters.numel(); }
};

}  // namespace xr::kernels
