#pragma once

#include "kernels/ops/pool2d.h"

namespace xr::kernels {

/// The mean of each window.
struct AvgPool2dForward {
  static constexpr const char* name = "avg_pool2d_forward";
  ConstView x;
  View y;
  Pool2dParams params = {};

  void validate() const { require_pool2d(name, params, "x", x, "y", y); }
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(x, y); }
  [[nodiscard]] std::int64_t flops() const { return y.numel() * params.window(); }
};

struct AvgPool2dBackward {
  static constexpr const char* name = "avg_pool2d_backward";
  ConstView dy;
  View dx;
  Pool2dParams params = {};
  GradientWrite write = GradientWrite::overwrite;

  void validate() const { require_pool2d(name, params, "dx", dx, "dy", dy); }
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(dy) + passes(write) * bytes_of(dx); }
  [[nodiscard]] std::int64_t flops() const { return dy.numel() * params.window(); }
};

}  // namespace xr::kernels
