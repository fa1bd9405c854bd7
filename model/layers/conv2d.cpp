#include "model/layers/conv2d.h"

namespace xr::model {

Conv2d::Conv2d(Initializer& initializer, std::int64_t in, std::int64_t out, const Conv2dOptions& options)
    : filter_{out, in, options.kernel, options.kernel} {
  const std::int64_t window = options.kernel * options.kernel;
  weight_ = register_parameter("weight", filter_,
                               options.kaiming_normal ? initializer.kaiming_normal(filter_, out * window)
                                                      : initializer.uniform(filter_, in * window));
  if (options.bias) bias_ = register_parameter("bias", {out}, initializer.uniform({out}, in * window));
  params_.stride_h = params_.stride_w = options.stride;
  params_.padding_h = params_.padding_w = options.padding;
}

Shape Conv2d::output_shape(const Shape& x) const {
  return engine::conv2d_shape(x, filter_, params_);
}

Tensor Conv2d::forward(const Tensor& x) {
  return engine::conv2d(x, weight_, bias_, params_);
}

}  // namespace xr::model
