#include "kernels/ops/linear.h"

#include "kernels/common/checks.h"

namespace xr::kernels {

void LinearForward::validate() const {
  require_matrix(name, "x", x);
  require_matrix(name, "weight", weight);
  require_matrix(name, "y", y);
  require_activation(name, "x", x);
  require_activation(name, "weight", weight);
  require_activation(name, "y", y);
  XR_CHECK(weight.shape[1] == x.shape[1] && y.shape == (Shape{x.shape[0], weight.shape[0]}),
           "{}: x {} and weight {} do not give y {}", name, x.shape.to_string(), weight.shape.to_string(),
           y.shape.to_string());
  if (bias.defined()) require_vector(name, "bias", bias, weight.shape[0]);
  XR_CHECK(y.numel() == 0 || x.shape[1] > 0, "{}: x has the shape {}: it needs at least one input feature",
           name, x.shape.to_string());
}

}  // namespace xr::kernels
