#include "model/sequential.h"

namespace xr::model {

Shape Sequential::output_shape(const Shape& x) const {
  Shape shape = x;
  for (const auto& module : modules_) shape = module->output_shape(shape);
  return shape;
}

Tensor Sequential::forward(const Tensor& x) {
  Tensor y = x;
  for (const auto& module : modules_) y = (*module)(y);
  return y;
}

}  // namespace xr::model
