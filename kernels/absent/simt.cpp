// Stands in for kernels/simt/ in a binary that was built without it.
#include "kernels/registry.h"

namespace xr::kernels {

std::unique_ptr<Backend> make_simt_backend() {
  throw Error("device simt is not available: this binary has no SIMT executor; use --device cpu");
}

}  // namespace xr::kernels
