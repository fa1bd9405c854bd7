#include "engine/ops/sum.h"

#include "engine/core/autograd.h"
#include "engine/ops/reorder.h"

namespace xr::engine {

namespace {

Tensor scaled_sum(const char* name, const Tensor& x, float scale) {
  const Tensor plain = reorder(x, Layout::contiguous);
  Tensor y = Tensor::empty({}, {x.dtype(), x.device(), Layout::contiguous});
  x.backend().run(kernels::SumToShape{.x = plain.view(), .y = y.mutable_view(), .scale = scale});
  record(
      y, name, {plain},
      [scale](GradientContext& context) {
        const GradientTarget dx = context.target(0);
        context.backend().run(kernels::BroadcastTo{
            .dy = context.output().view(), .dx = dx.view, .scale = scale, .write = dx.write});
      },
      scale);
  return y;
}

}  // namespace

Tensor sum(const Tensor& x) {
  return scaled_sum("sum", x, 1.0f);
}

Tensor mean(const Tensor& x) {
  XR_CHECK(x.numel() > 0, "the mean of no elements (shape {}) is undefined", x.shape().to_string());
  return scaled_sum("mean", x, 1.0f / static_cast<float>(x.numel()));
}

}  // namespace xr::engine
