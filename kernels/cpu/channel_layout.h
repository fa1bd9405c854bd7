// One description for all activation layouts: planes[outer * blocks][pixels][lanes], where
// channel = (plane % blocks) * lanes + lane. It may be of the first channels of a tensor x with more of them.
//
//   contiguous     outer N, blocks C,      pixels H W, lanes 1
//   blocked16      outer N, blocks C / 16, pixels H W, lanes 16
//   channels_last  outer N, blocks 1,      pixels H W, lanes C
//   (N, C)         outer 1, blocks 1,      pixels N,   lanes C
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/common/parallel.h"
#include "kernels/common/types.h"

namespace xr::kernels::cpu {

struct ChannelLayout {
  std::int64_t outer = 1, blocks = 1, pixels = 1, lanes = 1;
  std::int64_t height = 1, width = 1;  ///< of one plane; height * width == pixels unless merged
  std::int64_t other_blocks = 0;       ///< of x, after those of an image
  std::int64_t other_lanes = 0;        ///< of x, after those of a pixel; then there is one plane

  [[nodiscard]] std::int64_t planes() const { return outer * blocks; }
  [[nodiscard]] std::int64_t channels() const { return blocks * lanes; }
  [[nodiscard]] std::int64_t plane_elements() const { return pixels * lanes; }
  [[nodiscard]] std::int64_t per_channel() const { return outer * pixels; }
  /// Of a pixel of a plane: in a tensor with these channels alone, and in x.
  [[nodiscard]] std::int64_t offset(std::int64_t plane, std::int64_t pixel) const {
    return (plane * pixels + pixel) * lanes;
  }
  [[nodiscard]] std::int64_t x_offset(std::int64_t plane, std::int64_t pixel) const {
    return ((plane + plane / blocks * other_blocks) * pixels + pixel) * (lanes + other_lanes);
  }
};

/// Of a rank-4 tensor, image by image: for pooling.
[[nodiscard]] inline ChannelLayout spatial_layout(const Shape& shape, Layout layout) {
  ChannelLayout result{shape[0], 1, shape[2] * shape[3], 1, shape[2], shape[3]};
  if (layout == Layout::channels_last) {
    result.lanes = shape[1];
  } else if (layout == Layout::blocked16) {
    XR_CHECK(shape[1] % 16 == 0, "a blocked16 tensor has {} channels: they must be a multiple of 16",
             shape[1]);
    result.blocks = shape[1] / 16;
    result.lanes = 16;
  } else {
    result.blocks = shape[1];
  }
  return result;
}

/// Of an (N, C) or (N, C, H, W) tensor, images merged where they are adjacent: for per-channel operations.
[[nodiscard]] inline ChannelLayout channel_layout(const Shape& shape, Layout layout) {
  XR_CHECK(shape.rank() == 2 || shape.rank() == 4,
           "a tensor with channels has the shape {}: it must be (N, C) or (N, C, H, W)", shape.to_string());
  if (shape.rank() == 2) return {1, 1, shape[0], shape[1], shape[0], 1};
  ChannelLayout result = spatial_layout(shape, layout);
  if (result.pixels == 1) return {1, 1, shape[0], shape[1], shape[0], 1};
  if (result.blocks == 1) {
    result.pixels *= result.outer;
    result.outer = 1;
  }
  return result;
}

/// Of the first `channels` channels of x (N, C, H, W) or (N, C).
[[nodiscard]] inline ChannelLayout leading_channel_layout(const Shape& x, std::int64_t channels,
                                                          Layout layout) {
  if (channels == x[1]) return channel_layout(x, layout);
  Shape shape = x;
  shape[1] = channels;
  if (x.rank() == 4 && x[2] * x[3] > 1 && layout != Layout::channels_last) {
    ChannelLayout result = spatial_layout(shape, layout);  // images are not adjacent
    result.other_blocks = spatial_layout(x, layout).blocks - result.blocks;
    return result;
  }
  ChannelLayout result = channel_layout(shape, layout);
  result.other_lanes = x[1] - channels;
  return result;
}

/// Calls body(plane, first_pixel, last_pixel) for all pixels of all planes, in parallel pieces of roughly
/// `grain` elements that do not depend on the number of threads.
template <class Body>
void for_each_span(const ChannelLayout& layout, std::int64_t grain, Body&& body) {
  const std::int64_t elements = std::max<std::int64_t>(1, layout.plane_elements());
  if (elements >= grain) {
    const std::int64_t step = std::max<std::int64_t>(1, grain / layout.lanes);
    const std::int64_t pieces = (layout.pixels + step - 1) / step;
    parallel_for(layout.planes() * pieces, [&](std::int64_t task) {
      const std::int64_t first = task % pieces * step;
      body(task / pieces, first, std::min(layout.pixels, first + step));
    });
  } else {
    parallel_ranges(layout.planes(), grain / elements, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t plane = begin; plane < end; ++plane) body(plane, 0, layout.pixels);
    });
  }
}

/// Elements after which the channel of position i repeats in a plane: a multiple of the lanes of at least 64,
/// so that per-position parameters and accumulators fill vector registers whatever the layout is. 64 for
/// contiguous and blocked16. Where other lanes lie between those of two pixels, just the lanes.
[[nodiscard]] inline std::int64_t position_period(const ChannelLayout& layout) {
  if (layout.other_lanes > 0) return layout.lanes;
  return layout.lanes * ((64 + layout.lanes - 1) / layout.lanes);
}

/// Writes to out[blocks][period] the value of each position's channel.
template <class T>
void expand_to_positions(const ChannelLayout& layout, const T* values, float* out) {
  const std::int64_t period = position_period(layout);
  for (std::int64_t block = 0; block < layout.blocks; ++block)
    for (std::int64_t i = 0; i < period; ++i)
      out[block * period + i] = static_cast<float>(values[block * layout.lanes + i % layout.lanes]);
}

}  // namespace xr::kernels::cpu
