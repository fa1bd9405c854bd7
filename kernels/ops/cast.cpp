#include "kernels/ops/cast.h"

#include "kernels/common/checks.h"

namespace xr::kernels {

void Cast::validate() const {
  require_activation(name, "x", x);
  require_activation(name, "y", y);
  require_same_form(name, "x", x, "y", y);
}

}  // namespace xr::kernels
