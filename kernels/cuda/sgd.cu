// PyTorch's SGD (torch.optim.SGD, the algorithm in its documentation), one launch over all parameters.
//
//   g += weight_decay p;  buffer = step == 1 ? g : momentum buffer + (1 - dampening) g
//   g = nesterov ? g + momentum buffer : buffer;  p -= learning_rate g
//
// Bytes per parameter: 12 without momentum (p, g, p), 20 with it (buffer in and out; 16 in the first step,
// which must not read the buffer); 3 to 7 operations. Bound by memory.
#include "kernels/common/checks.h"
#include "kernels/cuda/elements.h"
#include "kernels/cuda/kernel_backend.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

namespace {

enum class Velocity : std::uint8_t { none, first, running };

struct Sgd {
  float* p;
  const float* g;
  float* buffer;
  float learning_rate, weight_decay, momentum, gradient_share;
  Velocity velocity;
  bool nesterov;

  template <int Width>
  __device__ void at(std::int64_t index) const {
    auto parameter = Elements<float, Width>::load(p + index),
         update = Elements<float, Width>::load(g + index);
#pragma unroll
    for (int i = 0; i < Width; ++i) update.value[i] += weight_decay * parameter.value[i];
    if (velocity != Velocity::none) {
      auto moved = update;
      if (velocity == Velocity::running) {
        moved = Elements<float, Width>::load(buffer + index);
#pragma unroll
        for (int i = 0; i < Width; ++i)
          moved.value[i] = momentum * moved.value[i] + gradient_share * update.value[i];
      }
      moved.store(buffer + index);
#pragma unroll
      for (int i = 0; i < Width; ++i)
        update.value[i] = nesterov ? update.value[i] + momentum * moved.value[i] : moved.value[i];
    }
#pragma unroll
    for (int i = 0; i < Width; ++i) parameter.value[i] -= learning_rate * update.value[i];
    parameter.store(p + index);
  }
};

}  // namespace

void KernelBackend::compute(const SgdStep& call) {
  const bool momentum = call.params.momentum != 0.0f;
  Sgd update{call.parameters.as<float>(),
             call.gradients.as<float>(),
             call.momentum_buffer.as<float>(),
             call.params.learning_rate,
             call.params.weight_decay,
             call.params.momentum,
             1.0f - call.params.dampening,
             !momentum               ? Velocity::none
             : call.params.step == 1 ? Velocity::first
                                     : Velocity::running,
             call.params.nesterov};
  if (!momentum) update.buffer = update.p;  // not touched, and as well aligned as p
  const std::int64_t count = call.parameters.numel(),
                     vectors = whole_vectors<4>(count, update.p, update.g, update.buffer);
  const std::int64_t tensors = !momentum ? 3 : call.params.step == 1 ? 4 : 5;
  run({"sgd_step", elementwise_blocks<4>(vectors, count), elementwise_threads, 0, 4 * tensors * count,
       (momentum ? 7 : 4) * count},
      elementwise_kernel<4, Sgd>, update, vectors, count);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
