#include "kernels/ops/reorder.h"

#include "kernels/common/checks.h"

namespace xr::kernels {

void Reorder::validate() const {
  XR_CHECK(x.shape == y.shape && x.dtype == y.dtype, "{}: x is {} {}, y is {} {}: they must be alike", name,
           name_of(x.dtype), x.shape.to_string(), name_of(y.dtype), y.shape.to_string());
  XR_CHECK(x.layout == y.layout || x.shape.rank() == 4, "{}: {} has no layouts but contiguous", name,
           x.shape.to_string());
}

}  // namespace xr::kernels
