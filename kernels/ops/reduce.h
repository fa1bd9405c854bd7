#pragma once

#include "kernels/ops/call.h"

namespace xr::kernels {

/// y = scale * sum of x over the dimensions in which y's (right-aligned) extent is 1 or missing. Contiguous,
/// fixed order; each f32 or bf16. With dy as x it is the backward of broadcasting; y of rank 0 is the full
/// sum.
struct SumToShape {
  static constexpr const char* name = "sum_to_shape";
  ConstView x;
  View y;
  float scale = 1.0f;
  GradientWrite write = GradientWrite::overwrite;

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(x) + passes(write) * bytes_of(y); }
  [[nodiscard]] std::int64_t flops() const { return x.numel(); }
};

/// The backward of SumToShape: dx = scale * dy broadcast to dx's shape.
struct BroadcastTo {
  static constexpr const char* name = "broadcast_to";
  ConstView dy;
  View dx;
  float scale = 1.0f;
  GradientWrite write = GradientWrite::overwrite;

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(dy) + passes(write) * bytes_of(dx); }
  [[nodiscard]] std::int64_t flops() const { return passes(write) * dx.numel(); }
};

}  // namespace xr::kernels
