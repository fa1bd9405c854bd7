#pragma once

#include "kernels/ops/call.h"

namespace xr::kernels {

/// y (N, C), contiguous: the mean of x (N, C, H, W) over H and W.
struct GlobalAvgPool2dForward {
  static constexpr const char* name = "global_avg_pool2d_forward";
  ConstView x;
  View y;

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(x, y); }
  [[nodiscard]] std::int64_t flops() const { return x.numel(); }
};

struct GlobalAvgPool2dBackward {
  static constexpr const char* name = "global_avg_pool2d_backward";
  ConstView dy;
  View dx;
  GradientWrite write = GradientWrite::overwrite;

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(dy) + passes(write) * bytes_of(dx); }
  [[nodiscard]] std::int64_t flops() const { return passes(write) * dx.numel(); }
};

}  // namespace xr::kernels
