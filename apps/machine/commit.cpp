#include "commit.h"

#include "apps/machine/machine.h"

namespace xr::machine {

std::string commit() {
  return XR_COMMIT;
}

}  // namespace xr::machine
