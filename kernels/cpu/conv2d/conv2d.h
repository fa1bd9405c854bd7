// The parts of conv2d: who does them.
#pragma once

#include <cstdint>
#include <string>

#include "kernels/common/types.h"
#include "kernels/cpu/primitives.h"

namespace xr::kernels::cpu {

[[nodiscard]] double multiply_adds(const Conv2dProblem& problem);

/// The same convolution of an input that has its padding in memory.
[[nodiscard]] Conv2dProblem with_padding_in_memory(const Conv2dProblem& problem);

/// Copies x between zeros: from problem.x_shape() to with_padding_in_memory(problem).x_shape(), both of
/// problem.activation's type.
void pad_input(const Conv2dProblem& problem, const void* x, void* padded);
/// The way back: the part of `padded` that is x overwrites or is added to x.
void crop_input(const Conv2dProblem& problem, const void* padded, void* x, GradientWrite write);

/// *to = or += a sum.
inline void write_gradient(double sum, float* to, GradientWrite write) {
  const auto rounded = static_cast<float>(sum);
  *to = write == GradientWrite::overwrite ? rounded : *to + rounded;
}

/// As in Conv2dForward.
struct ForwardOptions {
  const void* residual = nullptr;  ///< in the layout of y, or null
  bool relu = false;
  std::uint64_t filter_number = 0;
};

// oneDNN: any convolution, any layouts, x and y of problem.activation's type. bias and d_bias may be null.
void onednn_forward(OneDnn& one_dnn, const Conv2dProblem& problem, const void* x, const float* filter,
                    const float* bias, void* y, const ForwardOptions& options);
void onednn_backward_data(OneDnn& one_dnn, const Conv2dProblem& problem, const void* dy, const float* filter,
                          void* dx, GradientWrite write);
void onednn_backward_filter(OneDnn& one_dnn, const Conv2dProblem& problem, const void* x, const void* dy,
                            float* d_filter, float* d_bias, GradientWrite write);

/// One group, 1 to 4 input channels.
[[nodiscard]] bool has_few_channels(const Conv2dProblem& problem);
// The gradients of such a convolution in f32.
void few_channels_backward_data(OneDnn& one_dnn, const Conv2dProblem& problem, const float* dy,
                                const float* filter, float* dx, GradientWrite write);
void few_channels_backward_filter(OneDnn& one_dnn, const Conv2dProblem& problem, const float* x,
                                  const float* dy, float* d_filter, float* d_bias, GradientWrite write);

/// The filter gradient in bf16 of so few channels, x contiguous and y in blocked16, on processors with AVX512-BF16.
[[nodiscard]] bool has_few_channels_in_bf16(const Conv2dProblem& problem);
void few_channels_backward_filter_in_bf16(OneDnn& one_dnn, const Conv2dProblem& problem, const Bf16* x,
                                          const Bf16* dy, float* d_filter, float* d_bias,
                                          GradientWrite write);

/// The filter gradient of 3x3 convolutions with stride 1, both activations f32 in blocked16, few enough channels.
[[nodiscard]] bool has_winograd_backward_filter(const Conv2dProblem& problem);
void winograd_backward_filter(OneDnn& one_dnn, const Conv2dProblem& problem, const float* x, const float* dy,
                              float* d_filter, float* d_bias, GradientWrite write);

/// 3x3 with stride 1 in bf16, both activations in blocked16, on processors with AVX512-BF16: all three by Winograd's method,
/// with an error of up to 2.8 roundings to bf16 in place of one.
[[nodiscard]] bool has_winograd_in_bf16(const Conv2dProblem& problem);
void winograd_forward_in_bf16(OneDnn& one_dnn, const Conv2dProblem& problem, const Bf16* x,
                              const float* filter, const float* bias, Bf16* y, const ForwardOptions& options);
void winograd_backward_data_in_bf16(OneDnn& one_dnn, const Conv2dProblem& problem, const Bf16* dy,
                                    const float* filter, Bf16* dx, GradientWrite write);
void winograd_backward_filter_in_bf16(OneDnn& one_dnn, const Conv2dProblem& problem, const Bf16* x,
                                      const Bf16* dy, float* d_filter, float* d_bias, GradientWrite write);

// oneDNN 2.6.3's filter gradient for AMX is wrong, or writes where it must not, where rows are long: 2 x 16 x 5 x 400, 3x3,
// 32 filters; right with 380 and fewer outputs in a row.
inline constexpr std::int64_t max_row_in_bf16 = 256;

/// The filter gradient in bf16, y channels_last, of 1 to 4 input channels and at least 16 taps, or of at least 128
/// outputs, each of at most 64 pixels, with a window of several pixels.
[[nodiscard]] bool has_windows_backward_filter(const Conv2dProblem& problem);
void windows_backward_filter(OneDnn& one_dnn, const Conv2dProblem& problem, const Bf16* x, const Bf16* dy,
                             float* d_filter, float* d_bias, GradientWrite write);

/// The filter gradient of depthwise convolutions in blocks of 16 channels, f32 or bf16.
[[nodiscard]] bool has_depthwise_backward_filter(const Conv2dProblem& problem);
void depthwise_backward_filter(OneDnn& one_dnn, const Conv2dProblem& problem, const void* x, const void* dy,
                               float* d_filter, float* d_bias, GradientWrite write);

}  // namespace xr::kernels::cpu
