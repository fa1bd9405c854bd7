#include "engine/ops/pool_shape.h"

namespace xr::engine {

Shape pooled_shape(const char* operation, const Tensor& x, const kernels::Pool2dParams& p) {
  XR_CHECK(x.rank() == 4, "{} takes x (N, C, H, W), not {}", operation, x.shape().to_string());
  XR_CHECK(p.kernel_h >= 1 && p.kernel_w >= 1 && p.stride_h >= 1 && p.stride_w >= 1 && p.padding_h >= 0 &&
               p.padding_w >= 0 && 2 * p.padding_h <= p.kernel_h && 2 * p.padding_w <= p.kernel_w,
           "{}: kernel and stride must be at least 1, padding at least 0 and at most half the kernel",
           operation);
  XR_CHECK(x.dim(2) + 2 * p.padding_h >= p.kernel_h && x.dim(3) + 2 * p.padding_w >= p.kernel_w,
           "{}: an input of shape {} is too small for a {}x{} window", operation, x.shape().to_string(),
           p.kernel_h, p.kernel_w);
  return {x.dim(0), x.dim(1), (x.dim(2) + 2 * p.padding_h - p.kernel_h) / p.stride_h + 1,
          (x.dim(3) + 2 * p.padding_w - p.kernel_w) / p.stride_w + 1};
}

}  // namespace xr::engine
