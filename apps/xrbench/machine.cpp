#include "apps/xrbench/machine.h"

#include <fmt/chrono.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <optional>
#include <sstream>

#include "apps/machine/machine.h"
#include "kernels/common/error.h"

namespace xr::bench {

namespace {

std::size_t kilobytes_in(const char* file, const std::string& key) {
  const std::optional<std::string> value = machine::value_in(file, key);
  XR_CHECK(value, "cannot tell the memory: {} has no {}", file, key);
  std::istringstream fields(*value);
  std::size_t kib = 0;
  XR_CHECK(fields >> kib, "cannot tell the memory: {} has '{}' for {}", file, *value, key);
  return kib * 1024;
}

}  // namespace

std::size_t peak_resident_bytes() {
  return kilobytes_in("/proc/self/status", "VmHWM");
}

std::size_t available_host_bytes() {
  return kilobytes_in("/proc/meminfo", "MemAvailable");
}

std::string processor() {
  cpu_set_t mask;
  const long all = sysconf(_SC_NPROCESSORS_ONLN);
  const long usable = sched_getaffinity(0, sizeof mask, &mask) == 0 ? CPU_COUNT(&mask) : all;
  return fmt::format("{}, {} of {} cores", machine::processor_name(), usable, all);
}

std::string nvidia_driver() {
  return machine::value_in("/proc/driver/nvidia/version", "NVRM version").value_or("");
}

std::string commit() {
  return machine::commit();
}

std::string today() {
  return fmt::format("{:%Y-%m-%d}", fmt::gmtime(std::time(nullptr)));
}

double quantile(std::vector<double> samples, double fraction) {
  XR_CHECK(!samples.empty(), "a quantile needs at least one sample");
  std::ranges::sort(samples);
  const auto rank = static_cast<std::size_t>(std::ceil(fraction * static_cast<double>(samples.size())));
  return samples[std::clamp<std::size_t>(rank, 1, samples.size()) - 1];
}

}  // namespace xr::bench
