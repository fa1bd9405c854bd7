// The passes of batch normalisation + ReLU + 2x2 max pooling (stride 2), for channels_last and blocked16.
#pragma once

#include "kernels/backend.h"
#include "kernels/cpu/batch_norm2d/batch_norm2d_statistics.h"

namespace xr::kernels::cpu {

/// Pixel pairs of so many lanes fit the row buffers on the stack.
inline constexpr std::int64_t max_pooled_lanes = 1024;

/// What argmax holds: the winner's place in its 2x2 window (row * 2 + column), or that there is no gradient
/// because the normalised maximum is not positive.
inline constexpr std::uint8_t no_winner = 4;

struct PooledShapes {
  ChannelLayout in, out;

  /// x (N, C, H, W) and the pooled tensor (N, C, H / 2, W / 2). Throws Error for layouts that these passes do not take.
  PooledShapes(const char* operation, const ConstView& x, const ConstView& pooled);
};

/// y = pool(relu((x - mean) scale + beta)); winners may be null (inference). T: float or Bf16, here and below.
template <class T>
void pooled_forward_pass(const PooledShapes& shapes, const ChannelParameters& parameters, const T* x,
                         const View& y, std::uint8_t* winners);

/// dy = d_beta and dy_x = d_gamma = sum dy xhat at the winners, from the pooled tensors alone:
/// xhat = (y - beta) / gamma. Channels where that would lose accuracy read x at the winners instead.
template <class T>
[[nodiscard]] ChannelGradientSums pooled_gradient_sums(const PooledShapes& shapes,
                                                       const ChannelParameters& parameters,
                                                       const float* gamma, const float* inverse_std,
                                                       const T* x, const T* y, const std::uint8_t* winners,
                                                       const T* dy);

/// dx = scale ((dy at the winner, else 0) - means.dy - (x - mean) means.dy_x), for every pixel of x.
template <class T>
void pooled_backward_pass(const PooledShapes& shapes, const ChannelParameters& parameters,
                          const ChannelGradientSums& means, const T* x, const std::uint8_t* winners,
                          const T* dy, const View& dx, GradientWrite write);

}  // namespace xr::kernels::cpu
