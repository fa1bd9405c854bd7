#include "model/layers/linear.h"

#include "engine/ops/linear.h"

namespace xr::model {

Linear::Linear(Initializer& initializer, std::int64_t in, std::int64_t out, bool zero_bias)
    : in_(in), out_(out) {
  weight_ = register_parameter("weight", {out, in}, initializer.uniform({out, in}, in));
  bias_ = register_parameter("bias", {out},
                             zero_bias ? initializer.constant({out}, 0.0f) : initializer.uniform({out}, in));
}

Shape Linear::output_shape(const Shape& x) const {
  XR_CHECK(x.rank() == 2 && x[1] == in_, "linear takes (N, {}), not {}", in_, x.to_string());
  return {x[0], out_};
}

Tensor Linear::forward(const Tensor& x) {
  return engine::linear(x, weight_, bias_);
}

}  // namespace xr::model
