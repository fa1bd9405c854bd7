#include "engine/ops/max_pool2d.h"

#include "engine/core/autograd.h"
#include "engine/ops/pool_shape.h"

namespace xr::engine {

Tensor max_pool2d(const Tensor& x, const Pool2dParams& params) {
  const Shape shape = pooled_shape("max_pool2d", x.shape(), params);
  kernels::Backend& backend = x.backend();
  Tensor y = Tensor::empty(shape, {x.dtype(), x.device(), x.layout()});
  Tensor argmax;
  if (will_record({x}))
    argmax = Tensor::empty({static_cast<std::int64_t>(backend.max_pool2d_argmax_bytes(params, shape))},
                           {DType::u8, x.device(), Layout::contiguous});
  backend.run(kernels::MaxPool2dForward{.x = x.view(),
                                        .y = y.mutable_view(),
                                        .argmax = argmax.defined() ? argmax.mutable_view() : View{},
                                        .params = params});
  record(
      y, "max_pool2d", {x},
      [params, argmax = Saved(argmax)](GradientContext& context) {
        const GradientTarget dx = context.target(0);
        context.backend().run(kernels::MaxPool2dBackward{.dy = context.output().view(),
                                                         .argmax = argmax.view(),
                                                         .dx = dx.view,
                                                         .params = params,
                                                         .write = dx.write});
      },
      params);
  return y;
}

}  // namespace xr::engine
