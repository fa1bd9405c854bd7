#include "kernels/ops/global_avg_pool2d.h"

#include "kernels/common/checks.h"

namespace xr::kernels {

namespace {

void require_planes(const char* operation, const char* full_name, const ConstView& full,
                    const char* pooled_name, const ConstView& pooled) {
  require_rank4(operation, full_name, full);
  require_activation(operation, full_name, full);
  require_dtype(operation, pooled_name, pooled, full.dtype);
  require_contiguous(operation, pooled_name, pooled);
  XR_CHECK(pooled.numel() == full.shape[0] * full.shape[1] && full.numel() > 0,
           "{}: {} {} and {} {} do not match: they must be (N, C, H, W), not empty, and (N, C)", operation,
           full_name, full.shape.to_string(), pooled_name, pooled.shape.to_string());
}

}  // namespace

void GlobalAvgPool2dForward::validate() const {
  require_planes(name, "x", x, "y", y);
}

void GlobalAvgPool2dBackward::validate() const {
  require_planes(name, "dx", dx, "dy", dy);
}

}  // namespace xr::kernels
