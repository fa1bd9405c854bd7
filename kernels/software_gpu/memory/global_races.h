// Races on global memory between the blocks of one launch. Blocks run one after another here, in an order that a GPU does not
// promise: what one block writes and another one reads or writes is a race, unless both met at an atomic in between.
#pragma once

#include "kernels/software_gpu/memory/access.h"

namespace xr::software_gpu {

/// A launch begins: nobody has used anything.
void begin_global_epoch();
/// A block begins: it has met no other.
void begin_global_block();
/// An access of `bytes` at the address, which lies in the range; throws Fault if another block is raced for.
void check_global(Warp& warp, const Instruction& instruction, int lane, const Range& range, u64 address,
                  u32 bytes, Access access);

}  // namespace xr::software_gpu
