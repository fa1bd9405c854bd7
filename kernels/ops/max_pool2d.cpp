#include "kernels/ops/max_pool2d.h"

#include "kernels/common/checks.h"

namespace xr::kernels {

void require_window(const char* operation, const Pool2dParams& p) {
  XR_CHECK(p.window() <= 65536, "{}: the window {}x{} is too large: it may have 65536 positions", operation,
           p.kernel_h, p.kernel_w);
}

void require_argmax(const char* operation, const ConstView& argmax, std::size_t bytes) {
  XR_CHECK(argmax.bytes() >= bytes, "{}: argmax has {} bytes: it must have {}", operation, argmax.bytes(),
           bytes);
}

void MaxPool2dForward::validate() const {
  require_pool2d(name, params, "x", x, "y", y);
  require_window(name, params);
  if (argmax.defined()) require_dtype(name, "argmax", argmax, DType::u8);
}

void MaxPool2dBackward::validate() const {
  require_pool2d(name, params, "dx", dx, "dy", dy);
  require_window(name, params);
  require_dtype(name, "argmax", argmax, DType::u8);
}

}  // namespace xr::kernels
