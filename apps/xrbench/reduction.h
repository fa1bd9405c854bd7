// xrbench reduction: the sum of gradients over ranks in its fixed order, beside MPI's own.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <vector>

#include "apps/command_line/command_line.h"

namespace xr::bench {

struct ReductionSettings {
  std::vector<std::int64_t> megabytes = {3, 45, 465};  ///< of floats; resnet18 has 45, report_cnn 465
  int repetitions = 9;
};

/// Adds the subcommand. The settings must outlive the program.
command_line::Command add_reduction(command_line::Command program, ReductionSettings& settings);

/// To be called on every rank that mpirun started; rank 0 writes a table to `out`. Throws UsageError for one process
/// alone, Error if the two sums differ by more than rounding.
void run_reduction(const ReductionSettings& settings, std::ostream& out);

}  // namespace xr::bench
