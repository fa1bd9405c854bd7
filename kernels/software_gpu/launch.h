// Running a kernel.
#pragma once

#include <functional>
#include <vector>

#include "kernels/software_gpu/instruction.h"

namespace xr::software_gpu {

struct Launch {
  Kernel* kernel = nullptr;
  u32 grid[3]{}, block[3]{};
  u32 dynamic_shared = 0;
  int device = 0;
  std::vector<u8> parameters;
};

/// Runs all blocks; throws Fault.
void execute(const Launch& launch);

struct LaunchCounts {
  std::vector<Counter> instructions;  ///< by index in the kernel's code
  u64 touched_sectors = 0;            ///< different sectors of 32 bytes of global memory
};

/// Called after each launch. An empty one ends that.
using LaunchObserver = std::function<void(const Launch&, const LaunchCounts&)>;
void observe_launches(LaunchObserver observer);

/// Of all launches so far: warp instructions, and the seconds that their simulation took.
struct Executed {
  u64 instructions = 0;
  double seconds = 0;
};
Executed executed();

/// Writes the counters of these kernels to the file that XR_GPU_STATS names.
void report_counters(const std::vector<const Kernel*>& kernels);

}  // namespace xr::software_gpu
