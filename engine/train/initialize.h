// Initial weights.
#pragma once

#include <cstdint>

#include "engine/core/tensor.h"

namespace xr::engine {

/// Fills an f32 tensor with uniform numbers in [low, high): element i (row-major) takes word i of the stream.
/// The same on every device.
void fill_uniform(Tensor& tensor, float low, float high, std::uint64_t seed, std::uint64_t stream);

}  // namespace xr::engine
