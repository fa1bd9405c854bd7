#include "engine/ops/relu.h"

#include "engine/core/autograd.h"

namespace xr::engine {

Tensor relu(const Tensor& x) {
  Tensor y = Tensor::empty_like(x);
  x.backend().run(kernels::ReluForward{.x = x.view(), .y = y.mutable_view()});
  record(y, "relu", {x}, [y = Saved(y)](GradientContext& context) {
    const GradientTarget dx = context.target(0);
    context.backend().run(kernels::ReluBackward{
        .y = y.view(), .dy = context.output().view(), .dx = dx.view, .write = dx.write});
  });
  return y;
}

}  // namespace xr::engine
