#pragma once

#include "kernels/common/checks.h"
#include "kernels/ops/call.h"

namespace xr::kernels {

struct LeakyReluParams {
  float negative_slope = 0.01f;
};

/// y = x where x > 0, else negative_slope x; NaN stays NaN. y may alias x.
struct LeakyReluForward {
  static constexpr const char* name = "leaky_relu_forward";
  ConstView x;
  View y;
  LeakyReluParams params = {};

  void validate() const {
    require_activation(name, "x", x);
    require_same_kind(name, "x", x, "y", y);
  }
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(x, y); }
  [[nodiscard]] std::int64_t flops() const { return 2 * x.numel(); }
};

/// dx = dy where x > 0, else negative_slope dy. x is forward's input, whatever the sign of the slope.
struct LeakyReluBackward {
  static constexpr const char* name = "leaky_relu_backward";
  ConstView x, dy;
  View dx;
  LeakyReluParams params = {};
  GradientWrite write = GradientWrite::overwrite;

  void validate() const {
    require_activation(name, "x", x);
    require_same_kind(name, "x", x, "dy", dy);
    require_same_kind(name, "x", x, "dx", dx);
  }
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(x, dy) + passes(write) * bytes_of(dx); }
  [[nodiscard]] std::int64_t flops() const { return 2 * x.numel(); }
};

}  // namespace xr::kernels
