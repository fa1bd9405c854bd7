// Stands in for kernels/simt/ in a binary that was built without it.
#include "kernels/common/error_codes.h"
#include "kernels/registry.h"

namespace xr::kernels {

std::unique_ptr<Backend> make_simt_backend() {
  throw Error(error_code::device_unavailable,
              "device simt is not available: this binary has no SIMT executor");
}

}  // namespace xr::kernels
