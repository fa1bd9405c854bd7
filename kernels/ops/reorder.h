#pragma once

#include "kernels/ops/call.h"

namespace xr::kernels {

/// y = x in another layout; same shape and dtype, any two layouts.
struct Reorder {
  static constexpr const char* name = "reorder";
  ConstView x;
  View y;

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(x, y); }
  [[nodiscard]] std::int64_t flops() const { return 0; }
};

}  // namespace xr::kernels
