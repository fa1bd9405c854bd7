#include "model/sequential.h"

namespace xr::model {

Shape Sequential::output_shape(const Shape& x) const {
  Shape shape = x;
  for (const auto& module : modules_) shape = module->output_shape(shape);
  return shape;
}

Tensor Sequential::forward(const Tensor& x) {
  Tensor y = x;
  const std::size_t last = last_.value_or(modules_.size());
  for (std::size_t i = first_; i < last; ++i) y = (*modules_[i])(y);
  return y;
}

void Sequential::run_parts(std::size_t first, std::size_t last) {
  XR_CHECK(first <= last && last <= modules_.size(), "modules {} to {} of a sequence of {}", first, last,
           modules_.size());
  first_ = first;
  last_ = last;
}

}  // namespace xr::model
