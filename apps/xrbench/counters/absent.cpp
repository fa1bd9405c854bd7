// Of a build without the software GPU.
#include "apps/xrbench/counters/counters.h"
#include "kernels/common/error.h"

namespace xr::bench {

namespace {

[[noreturn]] void refuse() {
  throw Error("this build has no software GPU: it is in the one of cmake --preset software-gpu");
}

}  // namespace

bool can_count() {
  return false;
}

std::vector<LaunchCounters> count_launches(const std::function<void()>& /*work*/) {
  refuse();
}

const KernelResources& resources_of(const LaunchCounters& /*launch*/) {
  refuse();
}

}  // namespace xr::bench
