#pragma once

#include "engine/core/tensor.h"

namespace xr::engine {

using kernels::Conv2dParams;

/// Cross-correlation as PyTorch's conv2d: x (N, C, H, W), filter (O, C / groups, kH, kW), bias (O) or
/// undefined; result (N, O, H', W') with H' = (H + 2 padding + extra - dilation (kH - 1) - 1) / stride + 1, in the
/// layout that the backend prefers. Throws Error where the shapes do not fit or the result would be empty.
[[nodiscard]] Tensor conv2d(const Tensor& x, const Tensor& filter, const Tensor& bias,
                            const Conv2dParams& params = {});

/// A filter that never changes, and its bias or none. `number`: see Conv2dForward::filter_number.
struct ConstantFilter {
  Tensor filter, bias;
  std::uint64_t number = 0;
};

/// conv2d(...) + residual (of the result's shape, or undefined), with `relu` what is positive of it. For evaluation: it
/// is not recorded, so no input may require a gradient.
[[nodiscard]] Tensor conv2d_constant(const Tensor& x, const ConstantFilter& constant,
                                     const Conv2dParams& params, bool relu, const Tensor& residual = {});

/// Shape of its result, without computing it; throws Error likewise (code image_too_small for an empty result).
[[nodiscard]] Shape conv2d_shape(const Shape& x, const Shape& filter, const Conv2dParams& params);

}  // namespace xr::engine
