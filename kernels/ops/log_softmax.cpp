#include "kernels/ops/log_softmax.h"

#include "kernels/common/checks.h"

namespace xr::kernels {

void LogSoftmaxForward::validate() const {
  require_rows(name, "x", x);
  require_same_kind(name, "x", x, "y", y);
}

void LogSoftmaxBackward::validate() const {
  require_rows(name, "y", y);
  require_same_kind(name, "y", y, "dy", dy);
  require_same_kind(name, "y", y, "dx", dx);
}

}  // namespace xr::kernels
