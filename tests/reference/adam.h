// PyTorch's Adam and AdamW (the algorithms in the documentation of torch.optim.Adam and AdamW; Kingma, Ba:
// "Adam", ICLR 2015; Loshchilov, Hutter: "Decoupled weight decay regularization", ICLR 2019).
#pragma once

#include "kernels/backend.h"
#include "tests/reference/tensor.h"

namespace xr::reference {

using kernels::AdamParams;

inline void adam_step(const AdamParams& params, Tensor& parameters, const Tensor& gradients,
                      Tensor& first_moment, Tensor& second_moment) {
  const double learning_rate = static_cast<double>(params.learning_rate);
  const double beta1 = static_cast<double>(params.beta1), beta2 = static_cast<double>(params.beta2);
  const double weight_decay = static_cast<double>(params.weight_decay);
  const double correction1 = 1 - std::pow(beta1, static_cast<double>(params.step));
  const double correction2 = 1 - std::pow(beta2, static_cast<double>(params.step));
  for (std::int64_t i = 0; i < parameters.size(); ++i) {
    double gradient = gradients[i];
    if (params.decoupled_weight_decay)
      parameters[i] -= learning_rate * weight_decay * parameters[i];
    else
      gradient += weight_decay * parameters[i];
    first_moment[i] = beta1 * first_moment[i] + (1 - beta1) * gradient;
    second_moment[i] = beta2 * second_moment[i] + (1 - beta2) * gradient * gradient;
    const double denominator =
        std::sqrt(second_moment[i] / correction2) + static_cast<double>(params.epsilon);
    parameters[i] -= learning_rate * (first_moment[i] / correction1) / denominator;
  }
}

}  // namespace xr::reference
