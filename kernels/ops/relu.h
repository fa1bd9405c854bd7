#pragma once

#include "kernels/ops/call.h"

namespace xr::kernels {

/// y = max(x, 0); NaN stays NaN. y may alias x.
struct ReluForward {
  static constexpr const char* name = "relu_forward";
  ConstView x;
  View y;

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(x, y); }
  [[nodiscard]] std::int64_t flops() const { return x.numel(); }
};

/// dx = dy where y > 0, else 0. y is relu's output.
struct ReluBackward {
  static constexpr const char* name = "relu_backward";
  ConstView y, dy;
  View dx;
  GradientWrite write = GradientWrite::overwrite;

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(y, dy) + passes(write) * bytes_of(dx); }
  [[nodiscard]] std::int64_t flops() const { return y.numel(); }
};

}  // namespace xr::kernels
