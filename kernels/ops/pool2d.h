// What max_pool2d and avg_pool2d share.
#pragma once

#include "kernels/ops/call.h"

namespace xr::kernels {

/// Pooling window; output extent: (in + 2 padding - kernel) / stride + 1 (rounded down).
struct Pool2dParams {
  std::int64_t kernel_h = 2, kernel_w = 2;
  std::int64_t stride_h = 2, stride_w = 2;
  std::int64_t padding_h = 0, padding_w = 0;
  bool count_include_pad = true;  ///< average pooling only: whether padding counts in the divisor

  [[nodiscard]] static Pool2dParams square(std::int64_t kernel, std::int64_t stride, std::int64_t padding) {
    return {.kernel_h = kernel,
            .kernel_w = kernel,
            .stride_h = stride,
            .stride_w = stride,
            .padding_h = padding,
            .padding_w = padding};
  }
  [[nodiscard]] std::int64_t window() const { return kernel_h * kernel_w; }
};

/// Throws Error unless pooling x (or dx) gives y (or dy): both (N, C, H, W) of one layout and type, windows
/// and padding that make sense, and the extents that they give.
void require_pool2d(const char* operation, const Pool2dParams& params, const char* x_name, const ConstView& x,
                    const char* y_name, const ConstView& y);

}  // namespace xr::kernels
