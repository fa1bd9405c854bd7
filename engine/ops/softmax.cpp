#include "engine/ops/softmax.h"

#include "engine/core/autograd.h"

namespace xr::engine {

Tensor softmax(const Tensor& x) {
  XR_CHECK(x.rank() == 2 && x.dim(1) >= 1, "softmax takes x (N, classes), not {}", x.shape().to_string());
  Tensor y = Tensor::empty_like(x);
  x.backend().softmax_forward(x.view(), y.mutable_view());
  record(y, "softmax", {x}, [y = Saved(y)](GradientContext& context) {
    const GradientTarget dx = context.target(0);
    context.backend().softmax_backward(y.view(), context.output().view(), dx.view, dx.write);
  });
  return y;
}

}  // namespace xr::engine
