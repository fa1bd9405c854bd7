#include "model/layers/avg_pool2d.h"

#include "engine/ops/pool_shape.h"

namespace xr::model {

AvgPool2d::AvgPool2d(std::int64_t kernel, std::int64_t stride, std::int64_t padding)
    : params_(engine::Pool2dParams::square(kernel, stride, padding)) {}

Shape AvgPool2d::output_shape(const Shape& x) const {
  return engine::pooled_shape("avg_pool2d", x, params_);
}

Tensor AvgPool2d::forward(const Tensor& x) {
  return engine::avg_pool2d(x, params_);
}

}  // namespace xr::model
