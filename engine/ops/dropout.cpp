#include "engine/ops/dropout.h"

#include "engine/core/autograd.h"

namespace xr::engine {

Tensor dropout(const Tensor& x, const DropoutParams& params) {
  XR_CHECK(params.probability >= 0.0f && params.probability <= 1.0f,
           "dropout: the probability is {}, it must lie between 0 and 1", params.probability);
  XR_CHECK(!params.whole_channels || x.rank() == 4 || x.rank() == 2,
           "dropout of whole channels takes x (N, C, H, W) or (N, C), not {}", x.shape().to_string());
  Tensor y = Tensor::empty_like(x);
  x.backend().run(kernels::Dropout{.x = x.view(), .y = y.mutable_view(), .params = params});
  record(
      y, "dropout", {x},
      [params](GradientContext& context) {
        const GradientTarget dx = context.target(0);
        context.backend().run(kernels::Dropout{
            .x = context.output().view(), .y = dx.view, .params = params, .write = dx.write});
      },
      params);
  return y;
}

}  // namespace xr::engine
