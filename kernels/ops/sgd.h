#pragma once

#include "kernels/ops/call.h"

namespace xr::kernels {

/// PyTorch's SGD. momentum_buffer holds the gradient itself after the first step (step == 1).
struct SgdParams {
  float learning_rate = 1e-3f, momentum = 0.0f, dampening = 0.0f, weight_decay = 0.0f;
  bool nesterov = false;
  std::int64_t step = 1;  ///< counted from 1
};

/// Flat f32 arrays of equal length. momentum_buffer may be undefined without momentum.
struct SgdStep {
  static constexpr const char* name = "sgd_step";
  ConstView gradients;
  View parameters, momentum_buffer = {};
  SgdParams params = {};

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const {
    const std::int64_t tensors = params.momentum == 0.0f ? 3 : params.step == 1 ? 4 : 5;
    return tensors * bytes_of(parameters);
  }
  [[nodiscard]] std::int64_t flops() const { return (params.momentum == 0.0f ? 4 : 7) * parameters.numel(); }
};

}  // namespace xr::kernels
