#include "engine/ops/pool_shape.h"

#include "kernels/common/error_codes.h"

namespace xr::engine {

Shape pooled_shape(const char* operation, const Shape& x, const kernels::Pool2dParams& p) {
  XR_CHECK(x.rank() == 4, "{} takes x (N, C, H, W), not {}", operation, x.to_string());
  XR_CHECK(p.kernel_h >= 1 && p.kernel_w >= 1 && p.stride_h >= 1 && p.stride_w >= 1 && p.padding_h >= 0 &&
               p.padding_w >= 0 && 2 * p.padding_h <= p.kernel_h && 2 * p.padding_w <= p.kernel_w,
           "{}: kernel and stride must be at least 1, padding at least 0 and at most half the kernel",
           operation);
  XR_CHECK_CODE(x[2] + 2 * p.padding_h >= p.kernel_h && x[3] + 2 * p.padding_w >= p.kernel_w,
                error_code::image_too_small, "{}: an input of shape {} is too small for a {}x{} window",
                operation, x.to_string(), p.kernel_h, p.kernel_w);
  return {x[0], x[1], (x[2] + 2 * p.padding_h - p.kernel_h) / p.stride_h + 1,
          (x[3] + 2 * p.padding_w - p.kernel_w) / p.stride_w + 1};
}

}  // namespace xr::engine
