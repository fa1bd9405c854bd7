#include "engine/ops/cast.h"

#include "engine/core/autograd.h"

namespace xr::engine {

Tensor cast(const Tensor& x, DType dtype) {
  if (x.dtype() == dtype) return x;
  Tensor y = Tensor::empty(x.shape(), {dtype, x.device(), x.layout()});
  x.backend().cast(x.view(), y.mutable_view(), GradientWrite::overwrite);
  record(y, "cast", {x}, [](GradientContext& context) {
    const GradientTarget dx = context.target(0);
    context.backend().cast(context.output().view(), dx.view, dx.write);
  });
  return y;
}

}  // namespace xr::engine
