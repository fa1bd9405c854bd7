// The CPU backend's entry in the registry.
#include <memory>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/registry.h"

namespace xr::kernels {

std::unique_ptr<Backend> make_cpu_backend() {
  return std::make_unique<cpu::CpuBackend>();
}

}  // namespace xr::kernels
