// PyTorch's SGD (torch.optim.SGD, the algorithm in its documentation), one pass over all parameters.
//
//   g += weight_decay p;  buffer = step == 1 ? g : momentum buffer + (1 - dampening) g
//   g = nesterov ? g + momentum buffer : buffer;  p -= learning_rate g
//
// Bytes moved: 3 tensors without momentum (p, g, p), 5 with it. Bound by memory.
#include "kernels/common/checks.h"
#include "kernels/common/parallel.h"
#include "kernels/cpu/cpu_backend.h"

namespace xr::kernels::cpu {

namespace {

struct SgdFactors {
  float learning_rate, weight_decay, momentum, gradient_share;
};

XR_MULTIVERSION void sgd_plain(const SgdFactors& f, float* __restrict p, const float* __restrict g,
                               std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) p[i] -= f.learning_rate * (g[i] + f.weight_decay * p[i]);
}

// The first step must not read the buffer: it may hold anything.
XR_MULTIVERSION void sgd_first(const SgdFactors& f, float lookahead, float* __restrict p,
                               const float* __restrict g, float* __restrict buffer, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float gradient = g[i] + f.weight_decay * p[i];
    buffer[i] = gradient;
    p[i] -= f.learning_rate * (gradient + lookahead * gradient);
  }
}

XR_MULTIVERSION void sgd_momentum(const SgdFactors& f, float* __restrict p, const float* __restrict g,
                                  float* __restrict buffer, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float gradient = g[i] + f.weight_decay * p[i];
    const float velocity = f.momentum * buffer[i] + f.gradient_share * gradient;
    buffer[i] = velocity;
    p[i] -= f.learning_rate * velocity;
  }
}

XR_MULTIVERSION void sgd_nesterov(const SgdFactors& f, float* __restrict p, const float* __restrict g,
                                  float* __restrict buffer, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float gradient = g[i] + f.weight_decay * p[i];
    const float velocity = f.momentum * buffer[i] + f.gradient_share * gradient;
    buffer[i] = velocity;
    p[i] -= f.learning_rate * (gradient + f.momentum * velocity);
  }
}

}  // namespace

void CpuBackend::compute(const SgdStep& call) {
  const bool momentum = call.params.momentum != 0.0f;
  require_dtype(call.name, "parameters", call.parameters, DType::f32);
  const SgdFactors factors{call.params.learning_rate, call.params.weight_decay, call.params.momentum,
                           1.0f - call.params.dampening};
  const float lookahead = call.params.nesterov ? call.params.momentum : 0.0f;
  float *p = call.parameters.as<float>(), *buffer = call.momentum_buffer.as<float>();
  const float* g = call.gradients.as<float>();
  parallel_ranges(call.parameters.numel(), 65536, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t count = end - begin;
    if (!momentum)
      sgd_plain(factors, p + begin, g + begin, count);
    else if (call.params.step == 1)
      sgd_first(factors, lookahead, p + begin, g + begin, buffer + begin, count);
    else if (call.params.nesterov)
      sgd_nesterov(factors, p + begin, g + begin, buffer + begin, count);
    else
      sgd_momentum(factors, p + begin, g + begin, buffer + begin, count);
  });
}

}  // namespace xr::kernels::cpu
