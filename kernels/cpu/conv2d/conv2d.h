// The parts of conv2d: what is asked for (Conv2dProblem), and who does it.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/common/types.h"
#include "kernels/cpu/primitives.h"

namespace xr::kernels::cpu {

/// One convolution: x (batch, in_channels, in_h, in_w), filter (out_channels, in_channels / groups, kernel_h,
/// kernel_w), y (batch, out_channels, out_h, out_w). The gradients have the layout of what they belong to.
struct Conv2dProblem {
  Conv2dParams params;
  std::int64_t batch = 0, in_channels = 0, in_h = 0, in_w = 0;
  std::int64_t out_channels = 0, kernel_h = 0, kernel_w = 0, out_h = 0, out_w = 0;
  Layout x_layout = Layout::contiguous, y_layout = Layout::contiguous;

  [[nodiscard]] Shape x_shape() const { return {batch, in_channels, in_h, in_w}; }
  [[nodiscard]] Shape y_shape() const { return {batch, out_channels, out_h, out_w}; }
  /// Input rows and columns that one output element sees.
  [[nodiscard]] std::int64_t extent_h() const { return params.dilation_h * (kernel_h - 1) + 1; }
  [[nodiscard]] std::int64_t extent_w() const { return params.dilation_w * (kernel_w - 1) + 1; }
  [[nodiscard]] double multiply_adds() const;
  [[nodiscard]] std::string to_string() const;
};

/// The same convolution of an input that has its padding in memory.
[[nodiscard]] Conv2dProblem with_padding_in_memory(const Conv2dProblem& problem);

/// Copies x between zeros: from problem.x_shape() to with_padding_in_memory(problem).x_shape().
void pad_input(const Conv2dProblem& problem, const float* x, float* padded);
/// The way back: the part of `padded` that is x overwrites or is added to x.
void crop_input(const Conv2dProblem& problem, const float* padded, float* x, GradientWrite write);

// oneDNN: any convolution, any layouts. bias and d_bias may be null.
void onednn_forward(OneDnn& one_dnn, const Conv2dProblem& problem, const float* x, const float* filter,
                    const float* bias, float* y);
void onednn_backward_data(OneDnn& one_dnn, const Conv2dProblem& problem, const float* dy, const float* filter,
                          float* dx, GradientWrite write);
void onednn_backward_filter(OneDnn& one_dnn, const Conv2dProblem& problem, const float* x, const float* dy,
                            float* d_filter, float* d_bias, GradientWrite write);

/// Whether the gradients of a convolution are left to the kernels below: one group, 1 to 4 input channels.
[[nodiscard]] bool has_few_channels(const Conv2dProblem& problem);
void few_channels_backward_data(OneDnn& one_dnn, const Conv2dProblem& problem, const float* dy,
                                const float* filter, float* dx, GradientWrite write);
void few_channels_backward_filter(OneDnn& one_dnn, const Conv2dProblem& problem, const float* x,
                                  const float* dy, float* d_filter, float* d_bias, GradientWrite write);

/// The filter gradient of 3x3 convolutions with stride 1, both activations blocked16, few enough channels.
[[nodiscard]] bool has_winograd_backward_filter(const Conv2dProblem& problem);
void winograd_backward_filter(OneDnn& one_dnn, const Conv2dProblem& problem, const float* x, const float* dy,
                              float* d_filter, float* d_bias, GradientWrite write);

}  // namespace xr::kernels::cpu
