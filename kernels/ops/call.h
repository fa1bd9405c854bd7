// What the calls of all operations share. A call is an aggregate of an operation's inputs, outputs and
// parameters:
//
//   backend.run(ReluForward{.x = x, .y = y});
//
// Conventions
// - Views carry device pointers; all views of a call lie on the backend's device. Inputs never alias outputs
//   unless a call says so.
// - x is the input, y the output, dx and dy their gradients. Shapes are logical (N, C, H, W).
// - Rank-4 activations may have any layout; x, y, dx and dy of one call have the same layout unless said
//   otherwise. Parameters (filters O, I, kH, kW; per-channel vectors C) are contiguous.
// - validate() throws Error where the operands do not fit together. What only one backend demands it checks
//   itself.
// - bytes(): what must be moved, each input and each output once; twice what is read and written, or read
//   again because a sum over all of it has to be complete first. flops(): floating-point additions,
//   multiplications and comparisons.
#pragma once

#include <cstdint>

#include "kernels/common/types.h"

namespace xr::kernels {

/// A gradient that is written in a mode of its own.
struct Gradient {
  View view = {};
  GradientWrite write = GradientWrite::overwrite;
};

/// Bytes of the views; those that are undefined count nothing.
template <class... Views>
[[nodiscard]] std::int64_t bytes_of(const Views&... views) {
  return (std::int64_t{0} + ... + (views.defined() ? static_cast<std::int64_t>(views.bytes()) : 0));
}

/// How often a destination is passed over: accumulating reads it first.
[[nodiscard]] inline std::int64_t passes(GradientWrite write) {
  return write == GradientWrite::accumulate ? 2 : 1;
}

[[nodiscard]] inline std::int64_t bytes_of_gradient(const Gradient& gradient) {
  return passes(gradient.write) * bytes_of(gradient.view);
}

}  // namespace xr::kernels
