#include "apps/xrtrain/run/machine_facts.h"

#include <fmt/core.h>
#include <sys/utsname.h>

#include <nlohmann/json.hpp>

#include "apps/command_line/command_line.h"
#include "apps/machine/machine.h"
#include "apps/xrtrain/options/toml.h"

namespace xr::apps {

std::string system_name() {
  std::string name = "Linux";
  if (const auto pretty = machine::value_in("/etc/os-release", "PRETTY_NAME=")) {
    name = *pretty;
    std::erase(name, '"');
  }
  utsname kernel{};
  if (uname(&kernel) != 0) return name;
  return fmt::format("{}, {} {}, {}", name, kernel.sysname, kernel.release, kernel.machine);
}

std::string library_versions() {
  return fmt::format("fmt {}.{}.{}, nlohmann-json {}.{}.{}, toml++ {}.{}.{}, {}", FMT_VERSION / 10000,
                     FMT_VERSION / 100 % 100, FMT_VERSION % 100, NLOHMANN_JSON_VERSION_MAJOR,
                     NLOHMANN_JSON_VERSION_MINOR, NLOHMANN_JSON_VERSION_PATCH, TOML_LIB_MAJOR, TOML_LIB_MINOR,
                     TOML_LIB_PATCH, command_line::library_version());
}

}  // namespace xr::apps
