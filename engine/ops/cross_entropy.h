#pragma once

#include "engine/core/tensor.h"

namespace xr::engine {

using kernels::CrossEntropyParams;

/// The mean cross-entropy (rank 0) of logits (N, classes) against labels (N, i64 in [0, classes)), as
/// PyTorch's: with class_weights (classes) the mean is divided by the sum of the weights of the labels; label
/// smoothing mixes the target with the uniform distribution.
[[nodiscard]] Tensor cross_entropy(const Tensor& logits, const Tensor& labels,
                                   const Tensor& class_weights = {}, const CrossEntropyParams& params = {});

}  // namespace xr::engine
