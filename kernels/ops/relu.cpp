#include "kernels/ops/relu.h"

#include "kernels/common/checks.h"

namespace xr::kernels {

void ReluForward::validate() const {
  require_activation(name, "x", x);
  require_same_kind(name, "x", x, "y", y);
}

void ReluBackward::validate() const {
  require_activation(name, "y", y);
  require_same_kind(name, "y", y, "dy", dy);
  require_same_kind(name, "y", y, "dx", dx);
}

}  // namespace xr::kernels
