#include "model/layers/global_avg_pool2d.h"

#include "engine/ops/global_avg_pool2d.h"

namespace xr::model {

Shape GlobalAvgPool2d::output_shape(const Shape& x) const {
  XR_CHECK(x.rank() == 4, "global average pooling takes (N, C, H, W), not {}", x.to_string());
  return {x[0], x[1]};
}

Tensor GlobalAvgPool2d::forward(const Tensor& x) {
  return engine::global_avg_pool2d(x);
}

}  // namespace xr::model
