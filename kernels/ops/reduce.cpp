#include "kernels/ops/reduce.h"

#include "kernels/common/broadcast.h"
#include "kernels/common/checks.h"

namespace xr::kernels {

namespace {

// A single value and equal shapes do not depend on the layout; everything else is defined in logical order.
void require_layouts(const char* operation, const ConstView& small, const ConstView& large) {
  if (small.numel() == 1 || (small.shape == large.shape && small.layout == large.layout)) return;
  require_contiguous(operation, "the smaller tensor", small);
  require_contiguous(operation, "the larger tensor", large);
}

}  // namespace

void SumToShape::validate() const {
  require_activation(name, "x", x);
  require_activation(name, "y", y);
  require_layouts(name, y, x);
  XR_CHECK(y.shape.rank() <= x.shape.rank(), "{}: {} cannot be summed to {}: it has fewer dimensions", name,
           x.shape.to_string(), y.shape.to_string());
  if (x.numel() > 0 && y.numel() > 0) (void)Reduction(x.shape, y.shape);
}

void BroadcastTo::validate() const {
  require_activation(name, "dx", dx);
  require_dtype(name, "dy", dy, dx.dtype);
  require_layouts(name, dy, dx);
  (void)Broadcast(name, dy.shape, dy.shape, dx.shape);
}

}  // namespace xr::kernels
