// Stands in for kernels/cudnn/ in a binary that was built without cuDNN's headers or without the CUDA
// backend.
#include "kernels/common/error_codes.h"
#include "kernels/cudnn/operations.h"

namespace xr::kernels::cudnn {

std::unique_ptr<Operations> make_operations(const Place& /*place*/) {
  throw Error(error_code::library_unavailable, describe_libraries());
}

std::string describe_libraries() {
  return "cuDNN is not available: this binary was built without it; build it with -D XR_CUDA=ON where "
         "cudnn.h of cuDNN 9.8 or newer is";
}

}  // namespace xr::kernels::cudnn
