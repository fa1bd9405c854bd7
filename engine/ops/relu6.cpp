#include "engine/ops/relu6.h"

#include "engine/core/autograd.h"

namespace xr::engine {

Tensor relu6(const Tensor& x) {
  Tensor y = Tensor::empty_like(x);
  x.backend().run(kernels::Relu6Forward{.x = x.view(), .y = y.mutable_view()});
  record(y, "relu6", {x}, [y = Saved(y)](GradientContext& context) {
    const GradientTarget dx = context.target(0);
    context.backend().run(kernels::Relu6Backward{
        .y = y.view(), .dy = context.output().view(), .dx = dx.view, .write = dx.write});
  });
  return y;
}

}  // namespace xr::engine
