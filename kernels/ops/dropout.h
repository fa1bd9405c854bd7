#pragma once

#include "kernels/ops/call.h"

namespace xr::kernels {

/// Which random numbers a dropout uses: element with logical index i takes philox_word(seed, stream, offset +
/// i).
struct DropoutParams {
  float probability = 0.5f;  ///< of an element to be zeroed; the others are scaled by 1 / (1 - probability)
  bool whole_channels = false;  ///< dropout2d: i is n * C + c instead of the element's index
  std::uint64_t seed = 0, stream = 0, offset = 0;
  /// Device memory or null: added to offset when the work is done, so that a Capture can be replayed with
  /// another mask.
  const std::uint64_t* offset_on_device = nullptr;
};

/// y = x * mask / (1 - p), or y += with accumulate. The mask is a function of params, so backward is the same
/// call on dy; nothing is stored.
struct Dropout {
  static constexpr const char* name = "dropout";
  ConstView x;
  View y;
  DropoutParams params = {};
  GradientWrite write = GradientWrite::overwrite;

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const { return bytes_of(x) + passes(write) * bytes_of(y); }
  [[nodiscard]] std::int64_t flops() const { return passes(write) * x.numel(); }
};

}  // namespace xr::kernels
