#pragma once

#include "kernels/ops/call.h"

namespace xr::kernels {

/// c (M, N) = or += op(a) op(b), row-major, op(m) = transpose ? m^T : m.
struct Matmul {
  static constexpr const char* name = "matmul";
  ConstView a, b;
  View c;
  bool transpose_a = false, transpose_b = false;
  GradientWrite write = GradientWrite::overwrite;

  void validate() const;
  [[nodiscard]] std::int64_t m() const { return a.shape[transpose_a ? 1 : 0]; }
  [[nodiscard]] std::int64_t n() const { return b.shape[transpose_b ? 0 : 1]; }
  [[nodiscard]] std::int64_t k() const { return a.shape[transpose_a ? 0 : 1]; }
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(a, b) + passes(write) * bytes_of(c); }
  [[nodiscard]] std::int64_t flops() const { return 2 * m() * n() * k(); }
};

}  // namespace xr::kernels
