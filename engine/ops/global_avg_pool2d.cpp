#include "engine/ops/global_avg_pool2d.h"

#include "engine/core/autograd.h"

namespace xr::engine {

Tensor global_avg_pool2d(const Tensor& x) {
  XR_CHECK(x.rank() == 4, "global_avg_pool2d takes x (N, C, H, W), not {}", x.shape().to_string());
  Tensor y = Tensor::empty({x.dim(0), x.dim(1)}, {x.dtype(), x.device(), Layout::contiguous});
  x.backend().run(kernels::GlobalAvgPool2dForward{.x = x.view(), .y = y.mutable_view()});
  record(y, "global_avg_pool2d", {x}, [](GradientContext& context) {
    const GradientTarget dx = context.target(0);
    context.backend().run(
        kernels::GlobalAvgPool2dBackward{.dy = context.output().view(), .dx = dx.view, .write = dx.write});
  });
  return y;
}

}  // namespace xr::engine
