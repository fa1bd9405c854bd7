#include "engine/ops/cast.h"

#include "engine/core/autograd.h"

namespace xr::engine {

Tensor cast(const Tensor& x, DType dtype) {
  if (x.dtype() == dtype) return x;
  Tensor y = Tensor::empty(x.shape(), {dtype, x.device(), x.layout()});
  x.backend().run(kernels::Cast{.x = x.view(), .y = y.mutable_view()});
  record(y, "cast", {x}, [](GradientContext& context) {
    const GradientTarget dx = context.target(0);
    context.backend().run(kernels::Cast{.x = context.output().view(), .y = dx.view, .write = dx.write});
  });
  return y;
}

}  // namespace xr::engine
