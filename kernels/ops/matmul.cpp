#include "kernels/ops/matmul.h"

#include "kernels/common/checks.h"

namespace xr::kernels {

void Matmul::validate() const {
  require_matrix(name, "a", a);
  require_matrix(name, "b", b);
  require_matrix(name, "c", c);
  require_activation(name, "a", a);
  require_activation(name, "b", b);
  require_activation(name, "c", c);
  XR_CHECK(b.shape[transpose_b ? 1 : 0] == k() && c.shape == (Shape{m(), n()}),
           "{}: a {}{} times b {}{} does not give c {}", name, a.shape.to_string(),
           transpose_a ? " transposed" : "", b.shape.to_string(), transpose_b ? " transposed" : "",
           c.shape.to_string());
}

}  // namespace xr::kernels
