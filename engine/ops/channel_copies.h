// What operations that copy channels of (N, C, H, W) share.
#pragma once

#include <algorithm>
#include <initializer_list>

#include "engine/core/autograd.h"
#include "engine/core/tensor.h"

namespace xr::engine {

/// The layout of x, where these numbers of its channels can be copied in it: blocked16 copies whole blocks.
[[nodiscard]] inline Layout layout_for_copies(const Tensor& x, std::initializer_list<std::int64_t> counts) {
  const bool whole_blocks = std::ranges::all_of(counts, [](std::int64_t count) { return count % 16 == 0; });
  return x.layout() == Layout::blocked16 && !whole_blocks ? Layout::contiguous : x.layout();
}

/// Gives an input the gradient's channels from `from` on, as many as the input has.
inline void give_channels(GradientContext& context, std::size_t input, std::int64_t from) {
  const GradientTarget dx = context.target(input);
  if (!dx.view.defined()) return;
  context.backend().run(kernels::CopyChannels{.x = context.output().view(),
                                              .y = dx.view,
                                              .from = from,
                                              .count = dx.view.shape[1],
                                              .write = dx.write});
}

}  // namespace xr::engine
