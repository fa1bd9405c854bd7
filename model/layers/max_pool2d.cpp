#include "model/layers/max_pool2d.h"

#include "engine/ops/pool_shape.h"

namespace xr::model {

MaxPool2d::MaxPool2d(std::int64_t kernel, std::int64_t stride, std::int64_t padding)
    : params_(engine::Pool2dParams::square(kernel, stride, padding)) {}

Shape MaxPool2d::output_shape(const Shape& x) const {
  return engine::pooled_shape("max_pool2d", x, params_);
}

Tensor MaxPool2d::forward(const Tensor& x) {
  return engine::max_pool2d(x, params_);
}

}  // namespace xr::model
