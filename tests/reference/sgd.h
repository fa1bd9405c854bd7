// PyTorch's SGD (the algorithm in the documentation of torch.optim.SGD).
#pragma once

#include "kernels/backend.h"
#include "tests/reference/tensor.h"

namespace xr::reference {

using kernels::SgdParams;

inline void sgd_step(const SgdParams& params, Tensor& parameters, const Tensor& gradients,
                     Tensor& momentum_buffer) {
  const double learning_rate = static_cast<double>(params.learning_rate);
  const double momentum = static_cast<double>(params.momentum);
  for (std::int64_t i = 0; i < parameters.size(); ++i) {
    double gradient = gradients[i] + static_cast<double>(params.weight_decay) * parameters[i];
    if (momentum != 0) {
      if (params.step == 1)
        momentum_buffer[i] = gradient;
      else
        momentum_buffer[i] =
            momentum * momentum_buffer[i] + (1 - static_cast<double>(params.dampening)) * gradient;
      gradient = params.nesterov ? gradient + momentum * momentum_buffer[i] : momentum_buffer[i];
    }
    parameters[i] -= learning_rate * gradient;
  }
}

}  // namespace xr::reference
