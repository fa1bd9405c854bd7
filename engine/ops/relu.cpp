#include "engine/ops/relu.h"

#include "engine/core/autograd.h"

namespace xr::engine {

Tensor relu(const Tensor& x) {
  Tensor y = Tensor::empty_like(x);
  x.backend().relu_forward(x.view(), y.mutable_view());
  record(y, "relu", {x}, [y = Saved(y)](GradientContext& context) {
    const GradientTarget dx = context.target(0);
    context.backend().relu_backward(y.view(), context.output().view(), dx.view, dx.write);
  });
  return y;
}

}  // namespace xr::engine
