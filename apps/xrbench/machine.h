// What a benchmark says about the machine and the process.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace xr::bench {

/// The process's peak resident memory in bytes (VmHWM of /proc/self/status).
[[nodiscard]] std::size_t peak_resident_bytes();

/// Bytes that the host can still give without swapping (MemAvailable of /proc/meminfo).
[[nodiscard]] std::size_t available_host_bytes();

/// "AMD EPYC, 2 of 4 cores": the cores that the process may use.
[[nodiscard]] std::string processor();
/// What NVIDIA's kernel driver calls itself; empty without one.
[[nodiscard]] std::string nvidia_driver();
/// The commit that was built, "-dirty" if files were changed since; "unknown" outside of a repository.
[[nodiscard]] std::string commit();
/// "2026-11-24", UTC
[[nodiscard]] std::string today();

/// The value below which `fraction` of the sorted samples lie (nearest rank). Throws Error without samples.
[[nodiscard]] double quantile(std::vector<double> samples, double fraction);

}  // namespace xr::bench
