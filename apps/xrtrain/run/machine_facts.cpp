#include "apps/xrtrain/run/machine_facts.h"

#include <fmt/core.h>
#include <sys/utsname.h>

#include <CLI/Version.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "apps/xrtrain/options/toml.h"

namespace xr::apps {

std::string compiler_name() {
#if defined(__clang__)
  return "clang " __clang_version__;
#else
  return "gcc " __VERSION__;
#endif
}

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name"))
      if (const auto colon = line.find(": "); colon != std::string::npos) return line.substr(colon + 2);
  return "unknown";
}

std::string system_name() {
  std::string name = "Linux";
  std::ifstream file("/etc/os-release");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("PRETTY_NAME=")) {
      name = line.substr(line.find('=') + 1);
      std::erase(name, '"');
    }
  utsname kernel{};
  if (uname(&kernel) != 0) return name;
  return fmt::format("{}, {} {}, {}", name, kernel.sysname, kernel.release, kernel.machine);
}

std::string library_versions() {
  return fmt::format("fmt {}.{}.{}, nlohmann-json {}.{}.{}, toml++ {}.{}.{}, CLI11 {}", FMT_VERSION / 10000,
                     FMT_VERSION / 100 % 100, FMT_VERSION % 100, NLOHMANN_JSON_VERSION_MAJOR,
                     NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH, TOML_LIB_MAJOR, TOML_LIB_MINOR,
                     TOML_LIB_PATCH, CLI11_VERSION);
}

}  // namespace xr::apps
