#include "engine/ops/avg_pool2d.h"

#include "engine/core/autograd.h"
#include "engine/ops/pool_shape.h"

namespace xr::engine {

Tensor avg_pool2d(const Tensor& x, const Pool2dParams& params) {
  Tensor y =
      Tensor::empty(pooled_shape("avg_pool2d", x.shape(), params), {x.dtype(), x.device(), x.layout()});
  x.backend().run(kernels::AvgPool2dForward{.x = x.view(), .y = y.mutable_view(), .params = params});
  record(
      y, "avg_pool2d", {x},
      [params](GradientContext& context) {
        const GradientTarget dx = context.target(0);
        context.backend().run(kernels::AvgPool2dBackward{
            .dy = context.output().view(), .dx = dx.view, .params = params, .write = dx.write});
      },
      params);
  return y;
}

}  // namespace xr::engine
