#pragma once

#include "kernels/ops/call.h"

namespace xr::kernels {

/// y (N, out) = x (N, in) weight^T (out, in) + bias (out) or undefined. The gradients are matrix products:
/// Matmul.
struct LinearForward {
  static constexpr const char* name = "linear_forward";
  ConstView x, weight, bias = {};
  View y;

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(x, weight, bias, y); }
  [[nodiscard]] std::int64_t flops() const { return 2 * y.numel() * x.shape[1]; }
};

}  // namespace xr::kernels
