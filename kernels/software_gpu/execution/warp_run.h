// Runs a warp.
#pragma once

#include "kernels/software_gpu/block.h"

namespace xr::software_gpu {

/// Until the warp waits at a barrier or has ended. Returns how many instructions it ran.
u64 run_warp(Warp& warp, bool count);

}  // namespace xr::software_gpu
