#pragma once

#include "engine/ops/batch_norm2d.h"

namespace xr::engine {

/// Concatenation over channels, tensor by tensor, in memory that is made once for all of them: each is copied once, and not
/// again when a further one follows. What a dense block of DenseNet keeps of its layers. The same numbers as
/// concat_channels, forward and backward; gradients of all channels lie in one tensor as well.
class ChannelStack {
 public:
  /// The channels of x (N, C, H, W), with room for `capacity` in all, in the layout of x.
  ChannelStack(const Tensor& x, std::int64_t capacity);

  /// How many are there.
  [[nodiscard]] std::int64_t channels() const { return channels_; }
  /// Puts the channels of x (N, D, H, W) behind those that are there. Throws Error where other extents or the type
  /// differ, or the room does not suffice.
  void append(const Tensor& x);
  /// relu(batch_norm2d()) of the channels that are there: (N, channels(), H, W).
  [[nodiscard]] Tensor batch_norm2d_relu(BatchNorm2dState& state, bool training) const;
  /// (N, capacity, H, W). Throws Error unless all are there.
  [[nodiscard]] const Tensor& all() const;

 private:
  Tensor features_;            // with room for all, of which the first ones are there
  std::int64_t channels_ = 0;  // that are there
};

}  // namespace xr::engine
