// What every backend asks of the operands of a pooling operation.
#pragma once

#include "kernels/backend.h"
#include "kernels/common/checks.h"

namespace xr::kernels {

/// x: the full tensor, y: the pooled one; both (N, C, H, W) of one layout, windows and padding that make
/// sense, and the extents that they give.
inline void require_pool2d(const char* operation, const Pool2dParams& p, const ConstView& x,
                           const ConstView& y) {
  require_rank4(operation, "the input", x);
  require_rank4(operation, "the output", y);
  XR_CHECK(x.layout == y.layout, "{}: the input is {} but the output is {}: they must have one layout",
           operation, name_of(x.layout), name_of(y.layout));
  XR_CHECK(p.kernel_h > 0 && p.kernel_w > 0 && p.stride_h > 0 && p.stride_w > 0,
           "{}: window {}x{} with stride {}x{}: all must be positive", operation, p.kernel_h, p.kernel_w,
           p.stride_h, p.stride_w);
  XR_CHECK(
      p.padding_h >= 0 && p.padding_w >= 0 && 2 * p.padding_h <= p.kernel_h && 2 * p.padding_w <= p.kernel_w,
      "{}: padding {}x{} with window {}x{}: it must be between 0 and half the window", operation, p.padding_h,
      p.padding_w, p.kernel_h, p.kernel_w);
  const std::int64_t height = x.shape[2] + 2 * p.padding_h, width = x.shape[3] + 2 * p.padding_w;
  XR_CHECK(height >= p.kernel_h && width >= p.kernel_w,
           "{}: the window {}x{} is larger than the padded image {}x{}", operation, p.kernel_h, p.kernel_w,
           height, width);
  const Shape expected{x.shape[0], x.shape[1], (height - p.kernel_h) / p.stride_h + 1,
                       (width - p.kernel_w) / p.stride_w + 1};
  XR_CHECK(y.shape == expected, "{}: the output has the shape {}: {} gives {}", operation,
           y.shape.to_string(), x.shape.to_string(), expected.to_string());
}

/// argmax: u8, at least `bytes` long.
inline void require_argmax(const char* operation, const ConstView& argmax, std::size_t bytes) {
  XR_CHECK(argmax.dtype == DType::u8 && argmax.bytes() >= bytes,
           "{}: argmax is {} with {} bytes: it must be u8 with {}", operation, name_of(argmax.dtype),
           argmax.bytes(), bytes);
}

}  // namespace xr::kernels
