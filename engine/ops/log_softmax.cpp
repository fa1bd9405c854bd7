#include "engine/ops/log_softmax.h"

#include "engine/core/autograd.h"

namespace xr::engine {

Tensor log_softmax(const Tensor& x) {
  XR_CHECK(x.rank() == 2 && x.dim(1) >= 1, "log_softmax takes x (N, classes), not {}", x.shape().to_string());
  Tensor y = Tensor::empty_like(x);
  x.backend().run(kernels::LogSoftmaxForward{.x = x.view(), .y = y.mutable_view()});
  record(y, "log_softmax", {x}, [y = Saved(y)](GradientContext& context) {
    const GradientTarget dx = context.target(0);
    context.backend().run(kernels::LogSoftmaxBackward{
        .y = y.view(), .dy = context.output().view(), .dx = dx.view, .write = dx.write});
  });
  return y;
}

}  // namespace xr::engine
