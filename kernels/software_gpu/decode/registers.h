// Places of registers.
#pragma once

#include <unordered_map>

#include "kernels/software_gpu/instruction.h"

namespace xr::software_gpu {

/// Packs the registers of a decoded kernel; widths: of each, by its place (1: predicate).
void share_registers(Kernel& kernel, const std::unordered_map<u32, u8>& widths);

}  // namespace xr::software_gpu
