// xrbench kernels: every kernel of a backend and its variants, side by side.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "apps/command_line/command_line.h"
#include "apps/xrbench/counters/counters_table.h"
#include "apps/xrbench/timing.h"
#include "kernels/backend.h"

namespace xr::bench {

struct KernelsSettings {
  std::string device = "cpu";
  kernels::Precision precision = kernels::Precision::fp32;
  kernels::KernelChoice kernels = kernels::KernelChoice::automatic;
  std::string operation;                     ///< only those whose name contains it
  std::string case_name;                     ///< only this one, "conv2d_forward/report_cnn.conv1"
  std::vector<std::int64_t> batches, sizes;  ///< each with each; none: see kernel_cases
  std::int64_t channels = 1, padding = 2;
  int threads = 0;  ///< 0: all cores that the process may use
  TimingSettings timing;
  double time_limit = 0;  ///< seconds after which no further operation starts; 0: none
  std::int64_t copied_bytes = std::int64_t{512} << 20;  ///< of an array that is copied to find the ceiling
  std::int64_t matrix = 0;  ///< rows of the square product, also for the ceiling; 0: as the device needs
  bool list = false, check = false;
  std::string json;  ///< a file; empty: none
  CountersSettings counters;
};

/// Adds the subcommand. The settings must outlive the program.
command_line::Command add_kernels(command_line::Command program, KernelsSettings& settings);

/// Writes the table to `out`, and the JSON anew after each operation. Throws UsageError if the settings do
/// not fit this machine, Error if a kernel is wrong, after all that was asked for is written.
void run_kernels(const KernelsSettings& settings, std::ostream& out);

}  // namespace xr::bench
