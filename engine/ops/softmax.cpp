#include "engine/ops/softmax.h"

#include "engine/core/autograd.h"

namespace xr::engine {

Tensor softmax(const Tensor& x) {
  XR_CHECK(x.rank() == 2 && x.dim(1) >= 1, "softmax takes x (N, classes), not {}", x.shape().to_string());
  Tensor y = Tensor::empty_like(x);
  x.backend().run(kernels::SoftmaxForward{.x = x.view(), .y = y.mutable_view()});
  record(y, "softmax", {x}, [y = Saved(y)](GradientContext& context) {
    const GradientTarget dx = context.target(0);
    context.backend().run(kernels::SoftmaxBackward{
        .y = y.view(), .dy = context.output().view(), .dx = dx.view, .write = dx.write});
  });
  return y;
}

}  // namespace xr::engine
