// What a benchmark says about the machine and the process.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace xr::bench {

/// The process's peak resident memory in bytes (VmHWM of /proc/self/status).
[[nodiscard]] std::size_t peak_resident_bytes();

/// The value below which `fraction` of the sorted samples lie (nearest rank). Throws Error without samples.
[[nodiscard]] double quantile(std::vector<double> samples, double fraction);

}  // namespace xr::bench
