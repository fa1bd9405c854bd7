#pragma once

#include "kernels/ops/call.h"

namespace xr::kernels {

/// y = x or y += x, each f32 or bf16 (rounded to nearest, ties to even); same shape and layout.
struct Cast {
  static constexpr const char* name = "cast";
  ConstView x;
  View y;
  GradientWrite write = GradientWrite::overwrite;

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(x) + passes(write) * bytes_of(y); }
  [[nodiscard]] std::int64_t flops() const { return write == GradientWrite::accumulate ? x.numel() : 0; }
};

}  // namespace xr::kernels
