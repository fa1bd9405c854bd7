// What a call of conv2d asks for, checked: shared by the backends.
#pragma once

#include <cstdint>

#include "kernels/backend.h"

namespace xr::kernels {

/// One convolution: x (batch, in_channels, in_h, in_w), filter (out_channels, in_channels / groups, kernel_h,
/// kernel_w), y (batch, out_channels, out_h, out_w). The gradients have the layout of what they belong to.
struct Conv2dProblem {
  Conv2dParams params;
  std::int64_t batch = 0, in_channels = 0, in_h = 0, in_w = 0;
  std::int64_t out_channels = 0, kernel_h = 0, kernel_w = 0, out_h = 0, out_w = 0;
  Layout x_layout = Layout::contiguous, y_layout = Layout::contiguous;
  DType activation = DType::f32;  ///< of x and y

  [[nodiscard]] Shape x_shape() const { return {batch, in_channels, in_h, in_w}; }
  [[nodiscard]] Shape y_shape() const { return {batch, out_channels, out_h, out_w}; }
  [[nodiscard]] Shape filter_shape() const {
    return {out_channels, in_channels / params.groups, kernel_h, kernel_w};
  }
  /// Additions and multiplications of each of the three products.
  [[nodiscard]] std::int64_t operations() const {
    return 2 * y_shape().numel() * (in_channels / params.groups) * kernel_h * kernel_w;
  }
};

/// Throws Error unless x (or dx), filter (or d_filter) and y (or dy) are a convolution with these parameters:
/// f32 parameters, activations of one type. The names are those of the call's operands.
[[nodiscard]] Conv2dProblem check_conv2d(const char* operation, const Conv2dParams& params,
                                         const char* x_name, const ConstView& x, const ConstView& filter,
                                         const char* y_name, const ConstView& y);

}  // namespace xr::kernels
