#include "model/layers/flatten.h"

#include "engine/ops/reshape.h"

namespace xr::model {

Shape Flatten::output_shape(const Shape& x) const {
  return {x[0], x.numel() / x[0]};
}

Tensor Flatten::forward(const Tensor& x) {
  return engine::flatten(x);
}

}  // namespace xr::model
