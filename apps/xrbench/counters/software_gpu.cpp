// Counting, in a build with the software GPU.
#include <algorithm>
#include <cstddef>
#include <cstdio>

#include <fmt/core.h>

#include "apps/xrbench/counters/counters.h"
#include "kernels/common/error.h"
#include "kernels/software_gpu/launch.h"

namespace xr::bench {

namespace {

namespace gpu = xr::software_gpu;

constexpr std::size_t max_wasteful_lines = 5;

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
  const char* const shape = at == std::string::npos ? "" : instruction.c_str() + at;
  XR_CHECK(std::sscanf(shape, ".m%ldn%ldk%ld", &m, &n, &k) == 3,
           "the shape of the tensor core instruction \"{}\" is not known", instruction);
  return 2 * m * n * k;
}

LaunchCounters counters_of(const gpu::Launch& launch, const gpu::LaunchCounts& counts) {
  const gpu::Kernel& kernel = *launch.kernel;
  LaunchCounters result;
  result.symbol = kernel.name;
  result.kernel = kernel.title;
  result.ptx = kernel.module;
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
  if (result.wasteful.size() > max_wasteful_lines) result.wasteful.resize(max_wasteful_lines);
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

}  // namespace xr::bench
