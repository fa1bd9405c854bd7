// What ptxas makes of a kernel.
#include <fmt/core.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>

#include "apps/xrbench/counters/counters.h"
#include "kernels/common/error.h"

namespace xr::bench {

namespace {

/// A folder for the PTX, removed at the end of the scope.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "xrbench_XXXXXX").string();
    XR_CHECK(mkdtemp(name.data()) != nullptr, "cannot make the folder {}: check the free space", name);
    path_ = name;
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] std::string file(const char* name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

KernelResources compile(const std::string& symbol, std::string_view module) {
  const ScratchFolder folder;
  const std::string ptx = folder.file("kernel.ptx"), report = folder.file("report");
  std::ofstream(ptx) << module;
  // PTX runs on the GPU that it is for and on newer ones.
  std::smatch target;
  const std::string head(module.substr(0, module.find(".address_size")));
  const bool is_newer =
      std::regex_search(head, target, std::regex("\\.target\\s+sm_(\\d+)")) && std::stoi(target[1]) > 90;
  const std::string architecture = is_newer ? "sm_" + target[1].str() : "sm_90a";
  const std::string command = fmt::format("'{}' -arch={} --entry {} -v -o /dev/null '{}' >'{}' 2>&1",
                                          XR_PTXAS, architecture, symbol, ptx, report);
  const int status = std::system(command.c_str());  // NOLINT(cert-env33-c): fixed words and names of kernels
  std::ifstream lines(report);
  const std::string text{std::istreambuf_iterator<char>(lines), {}};
  KernelResources result;
  std::smatch found;
  XR_CHECK(status == 0 && std::regex_search(text, found, std::regex("Used (\\d+) registers")),
           "'{}' does not report the registers of {}: {}", XR_PTXAS, symbol, text);
  result.registers = std::stoi(found[1]);
  XR_CHECK(std::regex_search(text, found, std::regex("(\\d+) bytes spill stores, (\\d+) bytes spill loads")),
           "'{}' does not report what {} spills: {}", XR_PTXAS, symbol, text);
  result.spill_stores = std::stoi(found[1]);
  result.spill_loads = std::stoi(found[2]);
  return result;
}

}  // namespace

const KernelResources& resources_of(const LaunchCounters& launch) {
  static std::map<std::string, KernelResources> known;
  const auto found = known.find(launch.symbol);
  if (found != known.end()) return found->second;
  return known.emplace(launch.symbol, compile(launch.symbol, launch.ptx)).first->second;
}

}  // namespace xr::bench
