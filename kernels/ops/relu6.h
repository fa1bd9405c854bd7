#pragma once

#include "kernels/common/checks.h"
#include "kernels/ops/call.h"

namespace xr::kernels {

/// y = min(max(x, 0), 6); NaN stays NaN. y may alias x.
struct Relu6Forward {
  static constexpr const char* name = "relu6_forward";
  ConstView x;
  View y;

  void validate() const {
    require_activation(name, "x", x);
    require_same_kind(name, "x", x, "y", y);
  }
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(x, y); }
  [[nodiscard]] std::int64_t flops() const { return 2 * x.numel(); }
};

/// dx = dy where 0 < y < 6, else 0. y is relu6's output.
struct Relu6Backward {
  static constexpr const char* name = "relu6_backward";
  ConstView y, dy;
  View dx;
  GradientWrite write = GradientWrite::overwrite;

  void validate() const {
    require_activation(name, "y", y);
    require_same_kind(name, "y", y, "dy", dy);
    require_same_kind(name, "y", y, "dx", dx);
  }
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(y, dy) + passes(write) * bytes_of(dx); }
  [[nodiscard]] std::int64_t flops() const { return 2 * y.numel(); }
};

}  // namespace xr::kernels
