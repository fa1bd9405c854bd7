#include "apps/xrbench/machine.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

#include "kernels/error.h"

namespace xr::bench {

std::size_t peak_resident_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with("VmHWM:")) continue;
    std::istringstream fields(line.substr(6));
    std::size_t kib = 0;
    if (fields >> kib) return kib * 1024;
  }
  throw Error("cannot read the peak memory: /proc/self/status has no VmHWM");
}

double quantile(std::vector<double> samples, double fraction) {
  XR_CHECK(!samples.empty(), "a quantile needs at least one sample");
  std::ranges::sort(samples);
  const auto rank = static_cast<std::size_t>(std::ceil(fraction * static_cast<double>(samples.size())));
  return samples[std::clamp<std::size_t>(rank, 1, samples.size()) - 1];
}

}  // namespace xr::bench
