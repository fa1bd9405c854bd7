// When backward has the final gradient of a leaf: what can be sent to others while the rest goes on.
#pragma once

#include <functional>

#include "engine/core/tensor.h"

namespace xr::engine {

/// Called with a leaf once all that adds to its gradient has run (on a GPU: is queued), in the order of backward. A leaf
/// that the root does not depend on is not called.
using FinalGradient = std::function<void(const TensorState& leaf)>;

/// While one lives, every backward of this thread calls `done`, which outlives it, instead of one given before.
class FinalGradientGuard {
 public:
  explicit FinalGradientGuard(const FinalGradient& done);
  ~FinalGradientGuard();
  FinalGradientGuard(const FinalGradientGuard&) = delete;
  FinalGradientGuard& operator=(const FinalGradientGuard&) = delete;

 private:
  const FinalGradient* previous_;
};

}  // namespace xr::engine
