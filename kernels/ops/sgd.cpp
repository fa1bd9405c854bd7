#include "kernels/ops/sgd.h"

#include "kernels/common/checks.h"

namespace xr::kernels {

void SgdStep::validate() const {
  require_dtype(name, "parameters", parameters, DType::f32);
  require_same_kind(name, "parameters", parameters, "gradients", gradients);
  if (params.momentum != 0.0f)
    require_same_kind(name, "parameters", parameters, "momentum_buffer", momentum_buffer);
  XR_CHECK(params.step >= 1, "{}: step is {}: steps are counted from 1", name, params.step);
}

}  // namespace xr::kernels
