#pragma once

#include "kernels/ops/pool2d.h"

namespace xr::kernels {

/// argmax: u8, Backend::max_pool2d_argmax_bytes long. Of equal values the first in row-major window order
/// wins; NaN wins over numbers. Padding never wins. Undefined where nobody will ask.
struct MaxPool2dForward {
  static constexpr const char* name = "max_pool2d_forward";
  ConstView x;
  View y, argmax;
  Pool2dParams params = {};

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(x, y, argmax); }
  [[nodiscard]] std::int64_t flops() const { return y.numel() * params.window(); }
};

/// argmax is forward's, from the same backend.
struct MaxPool2dBackward {
  static constexpr const char* name = "max_pool2d_backward";
  ConstView dy, argmax;
  View dx;
  Pool2dParams params = {};
  GradientWrite write = GradientWrite::overwrite;

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(dy, argmax) + passes(write) * bytes_of(dx); }
  [[nodiscard]] std::int64_t flops() const { return dy.numel() * params.window(); }
};

/// Throws Error for a window of more than 65536 positions.
void require_window(const char* operation, const Pool2dParams& params);
/// Throws Error unless argmax holds `bytes`, as the backend's max_pool2d_argmax_bytes says.
void require_argmax(const char* operation, const ConstView& argmax, std::size_t bytes);

}  // namespace xr::kernels
