// Of a build with the software GPU.
#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>

#include <fmt/core.h>
#include <unistd.h>

#include "apps/xrbench/counters/counters.h"
#include "kernels/common/error.h"
#include "kernels/software_gpu/launch.h"

namespace xr::bench {

namespace {

namespace gpu = xr::software_gpu;

constexpr std::size_t most_wasteful_lines = 5;

static_assert(instruction_classes.size() == static_cast<std::size_t>(gpu::Kind::count));

/// The PTX module of each kernel that was counted.
std::map<std::string, std::string_view>& modules() {
  static std::map<std::string, std::string_view> all;
  return all;
}

Traffic global_of(const gpu::Counter& counter) {
  return {static_cast<std::int64_t>(counter.requests), static_cast<std::int64_t>(counter.sectors),
          static_cast<std::int64_t>(counter.ideal_sectors)};
}

Traffic shared_of(const gpu::Counter& counter) {
  return {static_cast<std::int64_t>(counter.shared_requests), static_cast<std::int64_t>(counter.wavefronts),
          static_cast<std::int64_t>(counter.ideal_wavefronts)};
}

/// Of "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32": two for each of 16 x 8 x 8 products.
std::int64_t operations_of(const std::string& instruction) {
  long m = 0, n = 0, k = 0;
  const std::size_t at = instruction.find(".m16n8k");
  XR_CHECK(at != std::string::npos && std::sscanf(instruction.c_str() + at, ".m%ldn%ldk%ld", &m, &n, &k) ==
                                          3,  // NOLINT(cert-err34-c)
           "the shape of the tensor core instruction \"{}\" is not known", instruction);
  return 2 * m * n * k;
}

LaunchCounters counters_of(const gpu::Launch& launch, const gpu::LaunchCounts& counts) {
  const gpu::Kernel& kernel = *launch.kernel;
  LaunchCounters result;
  result.symbol = kernel.name;
  result.kernel = kernel.title;
  result.blocks = std::int64_t{launch.grid[0]} * launch.grid[1] * launch.grid[2];
  result.threads = static_cast<int>(launch.block[0] * launch.block[1] * launch.block[2]);
  result.dynamic_shared = launch.dynamic_shared;
  result.static_shared = kernel.static_shared;
  result.touched_bytes = 32 * static_cast<std::int64_t>(counts.touched_sectors);
  for (std::size_t i = 0; i < kernel.code.size(); ++i) {
    const gpu::Instruction& instruction = kernel.code[i];
    const gpu::Counter& counter = counts.instructions[i];
    const std::string& text = kernel.texts[instruction.text];
    result.instructions[static_cast<std::size_t>(instruction.kind)] +=
        static_cast<std::int64_t>(counter.executed);
    result.lanes += static_cast<std::int64_t>(counter.lanes);
    const Traffic global = global_of(counter), shared = shared_of(counter);
    result.global += global;
    result.shared += shared;
    if (text.starts_with("mma.") && counter.executed > 0)
      (text.find(".tf32.") != std::string::npos ? result.tf32_operations : result.bf16_operations) +=
          operations_of(text) * static_cast<std::int64_t>(counter.executed);
    if (global.units == global.least && shared.units == shared.least) continue;
    const auto file = kernel.files.find(instruction.file);
    const std::string place =
        fmt::format("{}:{}", file == kernel.files.end() ? "?" : file->second, instruction.source_line);
    auto line = std::ranges::find(result.wasteful, place, &WastefulLine::place);
    if (line == result.wasteful.end()) line = result.wasteful.insert(line, {place, {}, {}});
    if (global.units > global.least) line->global += global;
    if (shared.units > shared.least) line->shared += shared;
  }
  const auto waste = [](const WastefulLine& line) {
    return line.global.units - line.global.least + line.shared.units - line.shared.least;
  };
  std::ranges::stable_sort(result.wasteful, std::greater{}, waste);
  if (result.wasteful.size() > most_wasteful_lines) result.wasteful.resize(most_wasteful_lines);
  modules()[kernel.name] = kernel.module;
  return result;
}

/// Observes until the end of the scope.
class Observation {
 public:
  explicit Observation(std::vector<LaunchCounters>& found) {
    gpu::observe_launches([&found](const gpu::Launch& launch, const gpu::LaunchCounts& counts) {
      found.push_back(counters_of(launch, counts));
    });
  }
  Observation(const Observation&) = delete;
  Observation& operator=(const Observation&) = delete;
  ~Observation() { gpu::observe_launches({}); }
};

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

KernelResources compile(const std::string& symbol) {
  const auto module = modules().find(symbol);
  XR_CHECK(module != modules().end(), "{} was not launched", symbol);
  const ScratchFolder folder;
  const std::string ptx = folder.file("kernel.ptx"), report = folder.file("report");
  std::ofstream(ptx) << module->second;
  // PTX runs on the GPU that it is for and on newer ones.
  std::smatch target;
  const std::string head(module->second.substr(0, 2000));
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

bool can_count() {
  return true;
}

std::vector<LaunchCounters> count_launches(const std::function<void()>& work) {
  std::vector<LaunchCounters> found;
  const Observation observation(found);
  work();
  return found;
}

const KernelResources& resources_of(const std::string& symbol) {
  static std::map<std::string, KernelResources> known;
  const auto found = known.find(symbol);
  return found != known.end() ? found->second : known.emplace(symbol, compile(symbol)).first->second;
}

}  // namespace xr::bench
