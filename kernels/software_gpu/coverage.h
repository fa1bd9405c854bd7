// Which instructions of which kernels have been reached, in several programs together: XR_GPU_COVERAGE.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kernels/software_gpu/instruction.h"

namespace xr::software_gpu {

/// Of one kernel. An instruction is reached when a lane has executed it: one under "@p" needs a lane whose p is true.
struct Coverage {
  u64 launches = 0;
  std::vector<bool> reached;  ///< by the index of the instruction
};

/// By the kernels' names in the PTX. A file that is not there is empty; one that makes no sense ends the program.
std::map<std::string, Coverage> read_coverage(const std::string& path);

/// Adds what these kernels have reached to the file, which several programs may do at the same time. Ends the program if
/// the file cannot be written or has a kernel of that name with another number of instructions: of another build.
void add_coverage(const std::string& path, const std::vector<const Kernel*>& kernels);

}  // namespace xr::software_gpu
