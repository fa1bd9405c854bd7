#pragma once

#include "engine/core/tensor.h"

namespace xr::engine {

/// The channels of a (N, C, H, W) and then those of b (N, D, H, W): (N, C + D, H, W), as PyTorch's
/// cat((a, b), dim=1), in the layout of a. Throws Error where other extents or the types differ.
[[nodiscard]] Tensor concat_channels(const Tensor& a, const Tensor& b);

/// The first `count` channels of x (N, C, H, W), copied: PyTorch's x[:, :count]. Throws Error where x has fewer.
[[nodiscard]] Tensor leading_channels(const Tensor& x, std::int64_t count);

}  // namespace xr::engine
