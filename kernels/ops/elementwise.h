#pragma once

#include "kernels/ops/call.h"

namespace xr::kernels {

/// y = value.
struct Fill {
  static constexpr const char* name = "fill";
  View y;
  float value = 0.0f;

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(y); }
  [[nodiscard]] std::int64_t flops() const { return 0; }
};

/// y = factor x (overwrite) or y += factor x (accumulate); same shape and layout. y may alias x.
struct Scale {
  static constexpr const char* name = "scale";
  ConstView x;
  View y;
  float factor = 1.0f;
  GradientWrite write = GradientWrite::overwrite;

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(x) + passes(write) * bytes_of(y); }
  [[nodiscard]] std::int64_t flops() const { return passes(write) * x.numel(); }
};

/// y = a + b with NumPy's broadcasting; contiguous layout unless all shapes are equal.
struct Add {
  static constexpr const char* name = "add";
  ConstView a, b;
  View y;

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(a, b, y); }
  [[nodiscard]] std::int64_t flops() const { return y.numel(); }
};

/// y = a * b, as Add.
struct Multiply {
  static constexpr const char* name = "multiply";
  ConstView a, b;
  View y;

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(a, b, y); }
  [[nodiscard]] std::int64_t flops() const { return y.numel(); }
};

}  // namespace xr::kernels
