// The geometry of a pooling window, for max_pool2d.cu and avg_pool2d.cu.
#pragma once

#include "kernels/cuda/activation.h"
#include "kernels/ops/pool2d.h"

namespace xr::kernels::XR_DEVICE_NAMESPACE {

/// [begin, end)
struct IndexRange {
  int begin, end;
};

/// One direction of a window: extents of input and output, and how the window moves.
struct Window {
  int in, out, kernel, stride, padding;

  /// The window's extent: Size, or if that is 0 the kernel's, of which nvcc is told that it is not empty.
  template <int Size>
  [[nodiscard]] __device__ int extent() const {
    return Size > 0 ? Size : max(1, kernel);
  }
  /// Positions of the window of output `o` that lie in the image.
  [[nodiscard]] __device__ IndexRange taps(int o) const {
    const int first = o * stride - padding;
    return {max(0, -first), min(kernel, in - first)};
  }
  /// Outputs whose window contains input `i`.
  [[nodiscard]] __device__ IndexRange outputs_over(int i) const {
    const int last = i + padding, first = last - kernel + 1;
    return {first <= 0 ? 0 : (first + stride - 1) / stride, min(out, last / stride + 1)};
  }
};

template <bool ChannelsLast>
struct PoolGeometry {
  Activation<ChannelsLast> in, out;
  Window vertical, horizontal;
  bool count_include_pad;
};

/// Of a call that require_pool2d has checked.
template <bool ChannelsLast>
[[nodiscard]] PoolGeometry<ChannelsLast> pool_geometry(const Pool2dParams& p, const Shape& x,
                                                       const Shape& y) {
  const auto in = activation_of<ChannelsLast>(x), out = activation_of<ChannelsLast>(y);
  const auto window = [](int from, int to, std::int64_t kernel, std::int64_t stride, std::int64_t padding) {
    return Window{from, to, to_int(kernel, "the window"), to_int(stride, "the stride"),
                  to_int(padding, "the padding")};
  };
  return {in, out, window(in.height, out.height, p.kernel_h, p.stride_h, p.padding_h),
          window(in.width, out.width, p.kernel_w, p.stride_w, p.padding_w), p.count_include_pad};
}

}  // namespace xr::kernels::XR_DEVICE_NAMESPACE
