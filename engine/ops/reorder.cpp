#include "engine/ops/reorder.h"

#include "engine/core/autograd.h"

namespace xr::engine {

Tensor reorder(const Tensor& x, Layout layout) {
  if (x.layout() == layout) return x;
  Tensor y = Tensor::empty(x.shape(), {x.dtype(), x.device(), layout});
  x.backend().run(kernels::Reorder{.x = x.view(), .y = y.mutable_view()});
  record(y, "reorder", {x}, [](GradientContext& context) {
    const Tensor& dy = context.output();
    const GradientTarget dx = context.target(0);
    if (dx.write == GradientWrite::overwrite) {
      context.backend().run(kernels::Reorder{.x = dy.view(), .y = dx.view});
      return;
    }
    Tensor part = Tensor::empty(dy.shape(), {dy.dtype(), dy.device(), dx.view.layout});
    context.backend().run(kernels::Reorder{.x = dy.view(), .y = part.mutable_view()});
    context.backend().run(kernels::Scale{.x = part.view(), .y = dx.view, .write = dx.write});
  });
  return y;
}

}  // namespace xr::engine
