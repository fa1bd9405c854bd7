#include "kernels/ops/elementwise.h"

#include "kernels/common/broadcast.h"
#include "kernels/common/checks.h"

namespace xr::kernels {

namespace {

void require_broadcast(const char* operation, const ConstView& a, const ConstView& b, const View& y) {
  require_activation(operation, "y", y);
  require_dtype(operation, "a", a, y.dtype);
  require_dtype(operation, "b", b, y.dtype);
  const auto like_y = [&](const ConstView& view) { return view.shape == y.shape && view.layout == y.layout; };
  if (like_y(a) && like_y(b)) return;
  require_contiguous(operation, "a (whose shape or layout differs)", a);
  require_contiguous(operation, "b (whose shape or layout differs)", b);
  require_contiguous(operation, "y (whose shape or layout differs)", y);
  (void)Broadcast(operation, a.shape, b.shape, y.shape);
}

}  // namespace

void Fill::validate() const {
  require_activation(name, "y", y);
}

void Scale::validate() const {
  require_activation(name, "x", x);
  require_same_kind(name, "x", x, "y", y);
}

void Add::validate() const {
  require_broadcast(name, a, b, y);
}

void Multiply::validate() const {
  require_broadcast(name, a, b, y);
}

}  // namespace xr::kernels
