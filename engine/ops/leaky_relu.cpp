#include "engine/ops/leaky_relu.h"

#include "engine/core/autograd.h"

namespace xr::engine {

Tensor leaky_relu(const Tensor& x, const kernels::LeakyReluParams& params) {
  Tensor y = Tensor::empty_like(x);
  x.backend().run(kernels::LeakyReluForward{.x = x.view(), .y = y.mutable_view(), .params = params});
  if (will_record({x}))
    record(
        y, "leaky_relu", {x},
        [params, x = Saved(x)](GradientContext& context) {
          const GradientTarget dx = context.target(0);
          context.backend().run(kernels::LeakyReluBackward{.x = x.view(),
                                                           .dy = context.output().view(),
                                                           .dx = dx.view,
                                                           .params = params,
                                                           .write = dx.write});
        },
        params);
  return y;
}

}  // namespace xr::engine
