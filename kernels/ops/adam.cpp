#include "kernels/ops/adam.h"

#include "kernels/common/checks.h"

namespace xr::kernels {

void AdamStep::validate() const {
  require_dtype(name, "parameters", parameters, DType::f32);
  require_same_kind(name, "parameters", parameters, "gradients", gradients);
  require_same_kind(name, "parameters", parameters, "first_moment", first_moment);
  require_same_kind(name, "parameters", parameters, "second_moment", second_moment);
  XR_CHECK(params.step >= 1, "{}: step is {}: steps are counted from 1", name, params.step);
}

}  // namespace xr::kernels
