#include "engine/ops/avg_pool2d.h"

#include "engine/core/autograd.h"
#include "engine/ops/pool_shape.h"

namespace xr::engine {

Tensor avg_pool2d(const Tensor& x, const Pool2dParams& params) {
  Tensor y = Tensor::empty(pooled_shape("avg_pool2d", x, params), {x.dtype(), x.device(), x.layout()});
  x.backend().avg_pool2d_forward(params, x.view(), y.mutable_view());
  record(y, "avg_pool2d", {x}, [params](GradientContext& context) {
    const GradientTarget dx = context.target(0);
    context.backend().avg_pool2d_backward(params, context.output().view(), dx.view, dx.write);
  });
  return y;
}

}  // namespace xr::engine
