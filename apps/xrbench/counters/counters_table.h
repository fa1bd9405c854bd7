// The options of counters, the same for kernels and steps, and what is made of all results: a table, and a look at the bars.
#pragma once

#include <string>
#include <vector>

#include "apps/command_line/command_line.h"
#include "apps/xrbench/counters/counters_report.h"
#include "kernels/backend.h"

namespace xr::bench {

struct CountersSettings {
  bool count = false;
  std::string gpu = "h100";  ///< whose model
  std::string table;         ///< a file for a table in Markdown; empty: none
  std::string bars;          ///< a file of bars; empty: none
  bool resources = true;     ///< registers and spills, by ptxas: a second or less for each kernel
};

void add_counters(command_line::Command& command, CountersSettings& settings);

/// Collects rows of the table and what exceeds its bar.
class CountersTable {
 public:
  /// Throws Error if the settings do not fit each other, the build or the device.
  CountersTable(const CountersSettings& settings, const kernels::Backend& backend);

  /// Null where nothing is counted.
  [[nodiscard]] const Gpu* gpu() const { return gpu_; }
  /// By kernel, with the resources if these are asked for.
  [[nodiscard]] std::vector<KernelCounters> by_kernel(const std::vector<LaunchCounters>& launches) const;
  /// Writes the table anew. Of a variant that the backend does not take by itself it has no row.
  void add(const std::string& case_name, const std::string& variant,
           const std::vector<KernelCounters>& kernels, const CallAmounts& call);
  /// Throws Error, naming the first ones, if kernels exceed their bars.
  void check_bars() const;

 private:
  const CountersSettings& settings_;
  const Gpu* gpu_ = nullptr;
  Bars bars_;
  std::string rows_;
  std::vector<std::string> over_;
};

}  // namespace xr::bench
