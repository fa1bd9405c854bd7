// Batch norms as a part of the convolutions before them, for evaluation.
#pragma once

#include <span>
#include <vector>

#include "model/module.h"

namespace xr::model {

/// What a batch norm that evaluates does to each channel: y = scale x + shift.
struct ScaleAndShift {
  std::vector<double> scale, shift;
};

/// scale = weight / sqrt(running_var + epsilon), shift = bias - running_mean scale; in double precision, because the
/// deviation may be tiny.
[[nodiscard]] ScaleAndShift scale_and_shift(std::span<const float> weight, std::span<const float> bias,
                                            std::span<const float> running_mean,
                                            std::span<const float> running_var, float epsilon);

/// Puts each batch norm, with its ReLU, into the convolution before it where nothing else reads the convolution's result.
/// The network computes the same within rounding, in fewer passes over memory; its parameters stay as they are. It can
/// be evaluated only, what is folded has no gradient, and it is changed once. `image`: (channels, height, width) of an input, which is
/// run once. Returns how many were folded.
int fold_batch_norms(Module& network, const Shape& image);

}  // namespace xr::model
