#pragma once

#include "engine/core/tensor.h"

namespace xr::engine {

/// The mean (rank 0) over the known targets of PyTorch's binary_cross_entropy_with_logits: logits (N, labels),
/// targets f32 (N, labels) in [0, 1] or NaN where unknown, pos_weight (labels) or undefined. The sum is divided by
/// the number of known targets, whatever their weights; without any the loss is 0, and so are the gradients.
[[nodiscard]] Tensor binary_cross_entropy_with_logits(const Tensor& logits, const Tensor& targets,
                                                      const Tensor& pos_weight = {});

}  // namespace xr::engine
