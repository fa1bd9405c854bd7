#pragma once

#include "kernels/common/augment.h"
#include "kernels/ops/call.h"

namespace xr::kernels {

/// Row n of y (N, C, side, side) = image indices[n] of images (count, C, size, size), u8 contiguous, made
/// into floats as records[n] says (kernels/common/augment.h), then normalised: f32 or, but on the cpu, bf16;
/// contiguous or channels_last. indices: i64 (N). records: u8 (N, 48), AugmentRecord. On devices that the
/// host does not share memory with their contents are not checked: require_augment_records, before they are
/// sent.
struct Augment {
  static constexpr const char* name = "augment";
  ConstView images, indices, records;
  View y;
  AugmentParams params = {};

  void validate() const;
  [[nodiscard]] std::int64_t bytes() const;
  /// Of the two bilinear interpolations and the exposure of each value.
  [[nodiscard]] std::int64_t flops() const { return 25 * y.numel(); }
};

}  // namespace xr::kernels
