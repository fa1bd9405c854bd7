// Concatenation over channels and its gradient, one input at a time.
#pragma once

#include "kernels/ops/call.h"

namespace xr::kernels {

/// `count` channels of x from `from` on are written to y from channel `to` on, or added to what y has there;
/// its other channels are left as they are. x (N, C, H, W) and y (N, D, H, W) have one layout; in blocked16
/// from, to and count are multiples of 16.
struct CopyChannels {
  static constexpr const char* name = "copy_channels";
  ConstView x;
  View y;
  std::int64_t from = 0, to = 0, count = 0;
  GradientWrite write = GradientWrite::overwrite;

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const {
    return (1 + passes(write)) * elements() * static_cast<std::int64_t>(size_of(x.dtype));
  }
  [[nodiscard]] std::int64_t flops() const { return write == GradientWrite::accumulate ? elements() : 0; }
  [[nodiscard]] std::int64_t elements() const { return x.shape[0] * count * x.shape[2] * x.shape[3]; }
};

/// The copy as `rows` rows of `length` neighbouring elements, `x_pitch` and `y_pitch` apart: an image each,
/// or in channels_last a pixel.
struct ChannelRows {
  std::int64_t rows, length, x_first, x_pitch, y_first, y_pitch;
};
[[nodiscard]] ChannelRows rows_of(const CopyChannels& call);

}  // namespace xr::kernels
