// PyTorch's Adam and AdamW (torch.optim.Adam and AdamW, the algorithms in their documentation; Kingma, Ba,
// ICLR 2015; Loshchilov, Hutter, ICLR 2019), one launch over all parameters.
//
//   Adam: g += weight_decay p        AdamW: p *= 1 - learning_rate weight_decay
//   m += (1 - beta1) (g - m);  v = beta2 v + (1 - beta2) g^2
//   p -= learning_rate / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon)
//
// Factors that depend on the step alone are computed on the host in double. Bytes per parameter: 28 (p, g, m,
// v in; p, m, v out); 14 operations, among them a square root and a division, which stay below the memory's
// time.
#include <cmath>

#include "kernels/common/checks.h"
#include "kernels/cuda/elements.h"
#include "kernels/cuda/kernel_backend.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

struct Adam {
  float* p;
  const float* g;
  float *m, *v;
  float gradient_decay;   ///< weight decay of Adam, 0 for AdamW
  float parameter_scale;  ///< 1 - learning rate * weight decay of AdamW, 1 for Adam
  float one_minus_beta1, beta2, one_minus_beta2;
  float step_size, inverse_root_correction, epsilon;

  template <int Width>
  __device__ void at(std::int64_t index) const {
    auto parameter = Elements<float, Width>::load(p + index);
    const auto gradient = Elements<float, Width>::load(g + index);
    auto first = Elements<float, Width>::load(m + index), second = Elements<float, Width>::load(v + index);
#pragma unroll
    for (int i = 0; i < Width; ++i) {
      const float slope = gradient.value[i] + gradient_decay * parameter.value[i];
      first.value[i] += one_minus_beta1 * (slope - first.value[i]);
      second.value[i] = beta2 * second.value[i] + one_minus_beta2 * slope * slope;
      const float size = sqrtf(second.value[i]) * inverse_root_correction + epsilon;
      parameter.value[i] = parameter.value[i] * parameter_scale - step_size * first.value[i] / size;
    }
    first.store(m + index);
    second.store(v + index);
    parameter.store(p + index);
  }
};

}  // namespace

void KernelBackend::adam_step(const AdamParams& params, View parameters, ConstView gradients,
                              View first_moment, View second_moment) {
  require_dtype("adam_step", "parameters", parameters, DType::f32);
  const std::pair<const char*, ConstView> others[] = {
      {"gradients", gradients}, {"first_moment", first_moment}, {"second_moment", second_moment}};
  for (const auto& [name, view] : others) {
    require_dtype("adam_step", name, view, DType::f32);
    require_same_form("adam_step", "parameters", parameters, name, view);
  }
  XR_CHECK(params.step >= 1, "adam_step: step is {}: steps are counted from 1", params.step);
  const double learning_rate = params.learning_rate, step = static_cast<double>(params.step);
  const bool decoupled = params.decoupled_weight_decay;
  Adam update{};
  update.p = parameters.as<float>();
  update.g = gradients.as<float>();
  update.m = first_moment.as<float>();
  update.v = second_moment.as<float>();
  update.gradient_decay = decoupled ? 0.0f : params.weight_decay;
  update.parameter_scale =
      decoupled ? static_cast<float>(1.0 - learning_rate * static_cast<double>(params.weight_decay)) : 1.0f;
  update.one_minus_beta1 = static_cast<float>(1.0 - params.beta1);
  update.beta2 = static_cast<float>(params.beta2);
  update.one_minus_beta2 = static_cast<float>(1.0 - params.beta2);
  update.step_size = static_cast<float>(learning_rate / (1.0 - std::pow(params.beta1, step)));
  update.inverse_root_correction = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(params.beta2, step)));
  update.epsilon = params.epsilon;
  const std::int64_t count = parameters.numel(),
                     vectors = whole_vectors<4>(count, update.p, update.g, update.m, update.v);
  run({"adam_step", elementwise_blocks<4>(vectors, count), elementwise_threads, 0, 28 * count, 14 * count},
      elementwise_kernel<4, Adam>, update, vectors, count);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
