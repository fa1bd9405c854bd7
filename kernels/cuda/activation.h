// Where the elements of an activation (N, C, H, W) lie, contiguous or channels_last, and kernels that run
// over them.
#pragma once

#include <cstdint>
#include <type_traits>

#include "kernels/cuda/elements.h"
#include "kernels/cuda/index_division.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

struct Position {
  int n, c, h, w;
};

/// A tensor of any N; ChannelsLast or contiguous.
template <bool ChannelsLast>
struct Activation {
  int channels, height, width;

  [[nodiscard]] __device__ std::int64_t offset(const Position& p) const {
    if constexpr (ChannelsLast)
      return ((static_cast<std::int64_t>(p.n) * height + p.h) * width + p.w) * channels + p.c;
    else
      return ((static_cast<std::int64_t>(p.n) * channels + p.c) * height + p.h) * width + p.w;
  }
  /// Of the element at `offset`.
  [[nodiscard]] __device__ Position position(std::int64_t offset) const {
    Position p{};
    if constexpr (ChannelsLast) {
      const Division pixel = divide(offset, channels), row = divide(pixel.quotient, width),
                     image = divide(row.quotient, height);
      p = {static_cast<int>(image.quotient), pixel.remainder, image.remainder, row.remainder};
    } else {
      const Division row = divide(offset, width), plane = divide(row.quotient, height),
                     image = divide(plane.quotient, channels);
      p = {static_cast<int>(image.quotient), image.remainder, plane.remainder, row.remainder};
    }
    return p;
  }
};

/// Of a rank-4 shape.
template <bool ChannelsLast>
[[nodiscard]] Activation<ChannelsLast> activation_of(const Shape& shape) {
  (void)to_int(shape[0], "the batch size");
  return {to_int(shape[1], "the number of channels"), to_int(shape[2], "the height"),
          to_int(shape[3], "the width")};
}

/// Calls call(std::bool_constant<channels last?>()).
template <class Call>
void with_layout(const char* operation, Layout layout, Call&& call) {
  XR_CHECK(layout != Layout::blocked16,
           "{}: blocked16 is a layout of the CPU backend alone: use contiguous or channels_last", operation);
  if (layout == Layout::channels_last)
    call(std::true_type());
  else
    call(std::false_type());
}

/// Whether vectors of Width channels can be read at once: in channels_last, if every pixel holds whole
/// vectors and the arrays begin at multiples of 16 bytes.
template <int Width, class... Pointer>
[[nodiscard]] bool channels_in_vectors(std::int64_t channels, const Pointer*... addresses) {
  return channels % Width == 0 && ((reinterpret_cast<std::uintptr_t>(addresses) % 16 == 0) && ...);
}

/// Calls f(item) for every item below `count`.
template <class F>
__global__ void __launch_bounds__(elementwise_threads) for_each_kernel(F f, std::int64_t count) {
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t item = first; item < count; item += step) f(item);
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
