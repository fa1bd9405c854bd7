#include "engine/ops/max_pool2d.h"

#include "engine/core/autograd.h"
#include "engine/ops/pool_shape.h"

namespace xr::engine {

Tensor max_pool2d(const Tensor& x, const Pool2dParams& params) {
  const Shape shape = pooled_shape("max_pool2d", x, params);
  kernels::Backend& backend = x.backend();
  Tensor y = Tensor::empty(shape, {x.dtype(), x.device(), x.layout()});
  Tensor argmax = Tensor::empty({static_cast<std::int64_t>(backend.max_pool2d_argmax_bytes(params, shape))},
                                {DType::u8, x.device(), Layout::contiguous});
  backend.max_pool2d_forward(params, x.view(), y.mutable_view(), argmax.mutable_view());
  record(y, "max_pool2d", {x}, [params, argmax = Saved(argmax)](GradientContext& context) {
    const GradientTarget dx = context.target(0);
    context.backend().max_pool2d_backward(params, context.output().view(), argmax.view(), dx.view, dx.write);
  });
  return y;
}

}  // namespace xr::engine
