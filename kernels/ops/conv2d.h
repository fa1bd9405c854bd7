// x (N, C, H, W), filter (O, C / groups, kH, kW), bias (O) or undefined, y (N, O, H', W'). The layouts of x
// and y may differ; filter and bias are f32.
#pragma once

#include <string>

#include "kernels/ops/call.h"

namespace xr::kernels {

/// Cross-correlation as in PyTorch's Conv2d. Output extent: (in + 2 padding + extra - dilation (kernel - 1) - 1)
/// / stride + 1.
struct Conv2dParams {
  std::int64_t stride_h = 1, stride_w = 1;
  std::int64_t padding_h = 0, padding_w = 0;
  std::int64_t dilation_h = 1, dilation_w = 1;
  std::int64_t groups = 1;
  /// Rows of zeros below, and columns to the right, in addition to the padding: what TensorFlow's "SAME" has for
  /// even extents and a stride of 2.
  std::int64_t extra_h = 0, extra_w = 0;

  [[nodiscard]] bool is_symmetric() const { return extra_h == 0 && extra_w == 0; }
};

/// The extents of a convolution. The gradients have the layout of what they belong to.
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
  /// Input rows and columns that one output element sees.
  [[nodiscard]] std::int64_t extent_h() const { return params.dilation_h * (kernel_h - 1) + 1; }
  [[nodiscard]] std::int64_t extent_w() const { return params.dilation_w * (kernel_w - 1) + 1; }
  /// Additions and multiplications of each of the three products.
  [[nodiscard]] std::int64_t operations() const {
    return 2 * y_shape().numel() * (in_channels / params.groups) * kernel_h * kernel_w;
  }
  [[nodiscard]] std::string to_string() const;
};

struct Conv2dForward {
  static constexpr const char* name = "conv2d_forward";
  ConstView x, filter, bias = {};
  View y;
  Conv2dParams params = {};
  /// Added to the result; as y, or undefined.
  ConstView residual = {};
  /// What is negative becomes 0 at the end, as in relu_forward. With oneDNN it becomes at most 1e-30 of itself.
  bool relu = false;
  /// If not 0: filters of the same number have the same elements, for as long as the process lives. A backend may keep
  /// what it makes of one.
  std::uint64_t filter_number = 0;

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(x, filter, bias, residual, y); }
  [[nodiscard]] std::int64_t flops() const { return problem().operations(); }
  /// Of a valid call.
  [[nodiscard]] Conv2dProblem problem() const;
};

struct Conv2dBackwardData {
  static constexpr const char* name = "conv2d_backward_data";
  ConstView dy, filter;
  View dx;
  Conv2dParams params = {};
  GradientWrite write = GradientWrite::overwrite;

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(dy, filter) + passes(write) * bytes_of(dx); }
  [[nodiscard]] std::int64_t flops() const { return problem().operations(); }
  [[nodiscard]] Conv2dProblem problem() const;
};

/// d_bias may be undefined; it then is not computed.
struct Conv2dBackwardFilter {
  static constexpr const char* name = "conv2d_backward_filter";
  ConstView x, dy;
  View d_filter, d_bias = {};
  Conv2dParams params = {};
  GradientWrite write = GradientWrite::overwrite;

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const {
    return bytes_of(x, dy) + passes(write) * bytes_of(d_filter, d_bias);
  }
  [[nodiscard]] std::int64_t flops() const { return problem().operations(); }
  [[nodiscard]] Conv2dProblem problem() const;
};

/// Who computes the call on the CPU, for a benchmark: "oneDNN", "few_channels" or "winograd".
[[nodiscard]] const char* cpu_kernel_of(const Conv2dBackwardFilter& call);

}  // namespace xr::kernels
