#include "apps/machine/machine.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <system_error>

namespace xr::machine {

std::string compiler_name() {
#if defined(__clang__)
  return "clang " __clang_version__;
#else
  return "gcc " __VERSION__;
#endif
}

std::string processor_name() {
  return value_in("/proc/cpuinfo", "model name").value_or("unknown");
}

std::string own_program() {
  const std::string executable = "/proc/self/exe";
  std::error_code error;
  const auto file = std::filesystem::read_symlink(executable, error);
  const char* launcher = std::getenv("XRTRAIN_LAUNCHER");
  return launcher != nullptr && file.filename().string().starts_with("ld-linux") ? launcher : executable;
}

std::optional<std::string> value_in(const std::filesystem::path& file, const std::string& key) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(key))
      return line.substr(std::min(line.size(), line.find_first_not_of("\t :", key.size())));
  return std::nullopt;
}

}  // namespace xr::machine
