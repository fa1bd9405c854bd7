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

void KernelBackend::compute(const AdamStep& call) {
  const double learning_rate = call.params.learning_rate, step = static_cast<double>(call.params.step);
  const bool decoupled = call.params.decoupled_weight_decay;
  Adam update{};
  update.p = call.parameters.as<float>();
  update.g = call.gradients.as<float>();
  update.m = call.first_moment.as<float>();
  update.v = call.second_moment.as<float>();
  update.gradient_decay = decoupled ? 0.0f : call.params.weight_decay;
  update.parameter_scale =
      decoupled ? static_cast<float>(1.0 - learning_rate * static_cast<double>(call.params.weight_decay))
                : 1.0f;
  update.one_minus_beta1 = static_cast<float>(1.0 - call.params.beta1);
  update.beta2 = static_cast<float>(call.params.beta2);
  update.one_minus_beta2 = static_cast<float>(1.0 - call.params.beta2);
  update.step_size = static_cast<float>(learning_rate / (1.0 - std::pow(call.params.beta1, step)));
  update.inverse_root_correction =
      static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(call.params.beta2, step)));
  update.epsilon = call.params.epsilon;
  const std::int64_t count = call.parameters.numel(),
                     vectors = whole_vectors<4>(count, update.p, update.g, update.m, update.v);
  run({"adam_step", elementwise_blocks<4>(vectors, count), elementwise_threads, 0, 28 * count, 14 * count},
      elementwise_kernel<4, Adam>, update, vectors, count);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
