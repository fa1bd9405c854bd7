#include "kernels/ops/pool2d.h"

#include "kernels/common/checks.h"

namespace xr::kernels {

void require_pool2d(const char* operation, const Pool2dParams& p, const char* x_name, const ConstView& x,
                    const char* y_name, const ConstView& y) {
  require_rank4(operation, x_name, x);
  require_rank4(operation, y_name, y);
  require_activation(operation, x_name, x);
  require_dtype(operation, y_name, y, x.dtype);
  XR_CHECK(x.layout == y.layout, "{}: {} is {} but {} is {}: they must have one layout", operation, x_name,
           name_of(x.layout), y_name, name_of(y.layout));
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
  XR_CHECK(y.shape == expected, "{}: {} has the shape {}: {} gives {}", operation, y_name,
           y.shape.to_string(), x.shape.to_string(), expected.to_string());
}

}  // namespace xr::kernels
