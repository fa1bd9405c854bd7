#pragma once

#include "engine/core/tensor.h"

namespace xr::engine {

using kernels::BatchNormParams;

/// Scale, shift and running statistics of a batch normalisation over C channels; all of shape (C). The
/// running statistics are updated in place while training: running = (1 - momentum) running + momentum batch,
/// with the unbiased batch variance, as in PyTorch.
struct BatchNorm2dState {
  Tensor gamma, beta, running_mean, running_var;
  kernels::BatchNormParams params;
};

/// Throws Error, in the name of `operation`, unless the state has a value for each channel of x.
void check_batch_norm2d(const char* operation, const Tensor& x, const BatchNorm2dState& state);

/// y = (x - mean) / sqrt(var + epsilon) gamma + beta for x (N, C, H, W) or (N, C): with the statistics of the
/// batch where `training` (Ioffe and Szegedy, 2015), with the running ones otherwise.
[[nodiscard]] Tensor batch_norm2d(const Tensor& x, BatchNorm2dState& state, bool training);

/// max_pool2d(relu(batch_norm2d(x))) with a 2x2 window of stride 2, or without the pooling: the same numbers
/// within rounding, in fewer passes over memory where the backend can.
[[nodiscard]] Tensor batch_norm2d_relu(const Tensor& x, BatchNorm2dState& state, bool training, bool pool);

/// batch_norm2d_relu of the first channels of x (N, D, H, W), as many as the state has; nothing reads the others, and their
/// gradient is 0. They are read where they lie if the backend can, and copied otherwise.
[[nodiscard]] Tensor batch_norm2d_relu_leading(const Tensor& x, BatchNorm2dState& state, bool training);

/// relu6(batch_norm2d(x)), likewise.
[[nodiscard]] Tensor batch_norm2d_relu6(const Tensor& x, BatchNorm2dState& state, bool training);

}  // namespace xr::engine
