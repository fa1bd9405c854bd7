#include "kernels/ops/dropout.h"

#include "kernels/common/checks.h"

namespace xr::kernels {

void Dropout::validate() const {
  require_activation(name, "x", x);
  require_same_kind(name, "x", x, "y", y);
  XR_CHECK(params.probability >= 0.0f && params.probability <= 1.0f,
           "{}: the probability is {}: it must lie in [0, 1]", name, params.probability);
  XR_CHECK(!params.whole_channels || x.shape.rank() >= 2,
           "{}: x has the shape {}: whole channels need (N, C, ...)", name, x.shape.to_string());
}

}  // namespace xr::kernels
