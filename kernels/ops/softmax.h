// Rows of (N, classes), contiguous.
#pragma once

#include "kernels/ops/call.h"

namespace xr::kernels {

struct SoftmaxForward {
  static constexpr const char* name = "softmax_forward";
  ConstView x;
  View y;

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(x, y); }
  [[nodiscard]] std::int64_t flops() const { return 5 * x.numel(); }
};

/// y is forward's output.
struct SoftmaxBackward {
  static constexpr const char* name = "softmax_backward";
  ConstView y, dy;
  View dx;
  GradientWrite write = GradientWrite::overwrite;

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(y, dy) + passes(write) * bytes_of(dx); }
  [[nodiscard]] std::int64_t flops() const { return 4 * y.numel(); }
};

}  // namespace xr::kernels
