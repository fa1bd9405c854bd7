#include "apps/xrbench/counters/counters_table.h"

#include <fmt/core.h>

#include <algorithm>

#include "engine/io/atomic_file.h"
#include "kernels/common/error.h"

namespace xr::bench {

void add_counters(command_line::Command& command, CountersSettings& settings) {
  command.flag("--counters", settings.count,
               "Count instructions and memory accesses on the software GPU, and model the least time");
  command.option("--gpu", settings.gpu, "Whose model: h100 or h200").show_default();
  command.option("--table", settings.table, "Write the counters to this file, as a table in Markdown");
  command.flag("--resources,!--no-resources", settings.resources,
               "Registers and spills of each kernel, by ptxas");
  command.option("--bars", settings.bars,
                 "Fail if a kernel needs more than this file allows (kernel,sectors,wavefronts)");
}

CountersTable::CountersTable(const CountersSettings& settings, const kernels::Backend& backend)
    : settings_(settings) {
  if (!settings.count) {
    XR_CHECK(settings.table.empty() && settings.bars.empty(), "--table and --bars need --counters");
    return;
  }
  XR_CHECK(can_count(), "--counters needs the software GPU: build with cmake --preset software-gpu");
  XR_CHECK(backend.name().starts_with("cuda"),
           "--counters counts on the software GPU: use --device cuda, not {}", backend.name());
  gpu_ = &gpu_named(settings.gpu);
  if (!settings.bars.empty()) bars_ = read_bars(settings.bars);
}

std::vector<KernelCounters> CountersTable::by_kernel(const std::vector<LaunchCounters>& launches) const {
  std::vector<KernelCounters> kernels = bench::by_kernel(launches, *gpu_);
  if (settings_.resources)
    for (KernelCounters& kernel : kernels) kernel.resources = resources_of(kernel.sum);
  return kernels;
}

void CountersTable::add(const std::string& case_name, const std::string& variant,
                        const std::vector<KernelCounters>& kernels, const CallAmounts& call) {
  if (!settings_.table.empty() && variant.empty()) {
    rows_ += table_rows(case_name, kernels, call, *gpu_, bars_);
    engine::write_file_atomically(settings_.table, table_head() + rows_);
  }
  if (settings_.bars.empty()) return;
  for (const std::string& message : over_bars(kernels, bars_))
    over_.push_back(fmt::format("{}{}{}: {}", case_name, variant.empty() ? "" : ", ", variant, message));
}

void CountersTable::check_bars() const {
  constexpr std::size_t max_named = 5;
  std::string named;
  for (std::size_t i = 0; i < std::min(max_named, over_.size()); ++i)
    named += (i == 0 ? "" : "; ") + over_[i];
  if (over_.size() > max_named) named += "; ...";
  XR_CHECK(over_.empty(), "{} results are over their bars in {}: {}", over_.size(), settings_.bars, named);
}

}  // namespace xr::bench
