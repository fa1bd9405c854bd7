// How blocks of threads walk an activation channel by channel, for sums over a channel and for arithmetic
// with values per channel.
#pragma once

#include "kernels/common/checks.h"
#include "kernels/cuda/activation.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

constexpr int channel_threads = 256, max_channel_lanes = 32;

/// A block is lanes x rows threads (x, y).
/// ChannelsLast: a lane is Width neighbouring channels, a step a pixel, and the block's rows of threads take
/// pixels side by side. Contiguous: one lane, which is one channel, and a step is Width neighbouring pixels
/// of it. So a thread keeps its channels; in one case its Width elements are of as many channels, in the
/// other of one. A piece is a range of steps that a block walks.
template <bool ChannelsLast>
struct ChannelWalk {
  int channels;
  int vectors_per_plane;  ///< contiguous only
  int steps, steps_per_piece, pieces;
  int x_channels;  ///< of a tensor whose first channels these are

  struct Place {
    int channel, piece;
    int step, end;  ///< the thread's first step; where its piece ends
    bool inside;    ///< whether the thread has a channel
  };
  template <int Width>
  [[nodiscard]] __device__ Place place() const {
    const Division block = divide(blockIdx.x, pieces);
    const int slice = static_cast<int>(block.quotient), lanes = static_cast<int>(blockDim.x);
    const int channel = ChannelsLast ? (slice * lanes + static_cast<int>(threadIdx.x)) * Width : slice;
    const int first = block.remainder * steps_per_piece;
    return {channel, block.remainder, first + static_cast<int>(threadIdx.y),
            min(steps - first, steps_per_piece) + first, channel < channels};
  }
  template <int Width>
  [[nodiscard]] __device__ std::int64_t offset(int channel, int step) const {
    return offset_in<Width>(channels, channel, step);
  }
  /// In the tensor with x_channels.
  template <int Width>
  [[nodiscard]] __device__ std::int64_t x_offset(int channel, int step) const {
    return offset_in<Width>(x_channels, channel, step);
  }
  /// Steps of a piece.
  [[nodiscard]] __device__ int steps_of(int piece) const {
    return min(steps - piece * steps_per_piece, steps_per_piece);
  }

 private:
  template <int Width>
  [[nodiscard]] __device__ std::int64_t offset_in(int all_channels, int channel, int step) const {
    if constexpr (ChannelsLast) {
      return static_cast<std::int64_t>(step) * all_channels + channel;
    } else {
      const Division plane = divide(step, vectors_per_plane);
      return ((plane.quotient * all_channels + channel) * vectors_per_plane + plane.remainder) * Width;
    }
  }
};

/// Calls body(std::integral_constant<int, Count>(), first, distance) for the steps of a thread: Count of
/// them, first, first + distance and so on, Unroll at once as long as there are so many.
template <int Unroll, class Place, class Body>
__device__ __forceinline__ void for_each_step(const Place& place, Body&& body) {
  const int distance = static_cast<int>(blockDim.y);
  int step = place.step;
#pragma unroll 1  // mostly one turn, of which nvcc would write several
  for (; place.end - step > (Unroll - 1) * distance; step += Unroll * distance)
    body(std::integral_constant<int, Unroll>(), step, distance);
#pragma unroll 1  // fewer than Unroll steps
  for (; step < place.end; step += distance) body(std::integral_constant<int, 1>(), step, distance);
}

/// Values per channel for the elements of a thread.
template <int Width>
struct PerChannel {
  float value[Width];

  template <bool ChannelsLast>
  [[nodiscard]] __device__ static PerChannel load(const float* values, int channel) {
    PerChannel result;
    if constexpr (ChannelsLast) {
      load_floats(values + channel, result.value);
    } else {
#pragma unroll
      for (float& value : result.value) value = values[channel];
    }
    return result;
  }
};

template <bool ChannelsLast>
struct ChannelPlan {
  ChannelWalk<ChannelsLast> walk;
  dim3 grid, block;
};

/// steps: pixels of all images (ChannelsLast), or pixels of one channel in all images, in vectors of `width`.
/// Cut into at most about `wanted_blocks` blocks, in which a thread has at least `steps_per_thread` steps.
template <bool ChannelsLast>
[[nodiscard]] ChannelPlan<ChannelsLast> plan_channels(int channels, std::int64_t steps, int vectors_per_plane,
                                                      int width, int wanted_blocks, int steps_per_thread) {
  const int vectors = ChannelsLast ? channels / width : 1, lanes = std::min(vectors, max_channel_lanes),
            rows = channel_threads / lanes,
            slices = ChannelsLast ? static_cast<int>(ceil_div(vectors, lanes)) : channels;
  const std::int64_t wanted = std::clamp<std::int64_t>(ceil_div(steps, rows * steps_per_thread), 1,
                                                       std::max(1, wanted_blocks / slices));
  ChannelWalk<ChannelsLast> walk{channels, vectors_per_plane, to_int(steps, "the number of pixels"), 0,
                                 0,        channels};
  walk.steps_per_piece = static_cast<int>(ceil_div(steps, wanted));
  walk.pieces = static_cast<int>(ceil_div(steps, walk.steps_per_piece));
  return {walk,
          dim3(static_cast<unsigned>(to_int(static_cast<std::int64_t>(slices) * walk.pieces, "the blocks"))),
          dim3(static_cast<unsigned>(lanes), static_cast<unsigned>(rows))};
}

/// The extents that batch norm sees in (N, C, H, W) or (N, C), whose first channels are normalised.
struct ChannelExtents {
  int channels, pixels;  ///< of an image
  std::int64_t images;
  int x_channels;  ///< all

  [[nodiscard]] std::int64_t per_channel() const { return images * pixels; }
};

[[nodiscard]] inline ChannelExtents channel_extents(const char* operation, const ConstView& x,
                                                    std::int64_t channels) {
  XR_CHECK(x.shape.rank() == 2 || x.shape.rank() == 4,
           "{}: x has the shape {}: it must be (N, C) or (N, C, H, W)", operation, x.shape.to_string());
  const bool spatial = x.shape.rank() == 4;
  return {to_int(channels, "the number of channels"),
          spatial ? to_int(x.shape[2] * x.shape[3], "the number of pixels") : 1, x.shape[0],
          to_int(x.shape[1], "the number of channels")};
}

template <bool ChannelsLast>
[[nodiscard]] ChannelPlan<ChannelsLast> plan_channels(const ChannelExtents& extents, int width,
                                                      int wanted_blocks, int steps_per_thread) {
  const int vectors_per_plane = extents.pixels / width;
  auto plan = plan_channels<ChannelsLast>(
      extents.channels, ChannelsLast ? extents.per_channel() : extents.images * vectors_per_plane,
      vectors_per_plane, width, wanted_blocks, steps_per_thread);
  plan.walk.x_channels = extents.x_channels;
  return plan;
}

/// Calls call(T(), std::integral_constant<int, Width>(), std::bool_constant<ChannelsLast>()) with vectors
/// where channels (channels_last), or pixels (contiguous), and the arrays' addresses allow them. One pixel
/// per image counts as channels_last.
template <class Call, class... Pointer>
void with_channel_vectors(const char* operation, const ConstView& x, const ChannelExtents& extents,
                          Call&& call, const Pointer*... addresses) {
  with_layout(operation, x.layout, [](auto) {});
  with_activation_type(operation, x.dtype, [&](auto type) {
    with_layout(operation, extents.pixels == 1 ? Layout::channels_last : x.layout, [&](auto channels_last) {
      constexpr int width = vector_width<decltype(type)>;
      const bool whole = channels_last ? extents.channels % width == 0 && extents.x_channels % width == 0
                                       : extents.pixels % width == 0;
      if (whole && channels_in_vectors<width>(width, x.data, addresses...))
        call(type, std::integral_constant<int, width>(), channels_last);
      else
        call(type, std::integral_constant<int, 1>(), channels_last);
    });
  });
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
