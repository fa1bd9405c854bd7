// What the handlers of memory instructions share: every address is checked before the host touches it.
#pragma once

#include <bit>

#include "kernels/software_gpu/block.h"

namespace xr::software_gpu {

enum class Access : u8 { read, write, atomic };
/// "reads", for messages.
const char* verb_of(Access access);

/// The addresses of a warp's access, and where they lie on the host.
struct Lanes {
  u64 address[32];
  u8* at[32];
};

template <class F>
void each(u32 lanes, F&& f) {
  if (lanes == all_lanes) {
    for (int lane = 0; lane < 32; ++lane) f(lane);
  } else {
    for (; lanes != 0; lanes &= lanes - 1) f(std::countr_zero(lanes));
  }
}

/// The addresses of an operand, of all lanes.
void addresses(const Warp& warp, Operand operand, s64 offset, bool is_64, u64* to);

/// Checks that `bytes` of shared memory exist, are written where they are read, and are not raced for.
u8* shared_at(Warp& warp, const Instruction& instruction, int lane, u64 address, u32 bytes, Access access);
/// Of shared memory that exists, from shared_start on: marks its bytes as read or written, and reports unwritten ones and
/// races between warps.
void check_shared(Warp& warp, const Instruction& instruction, int lane, u32 offset, u32 bytes, Access access);
/// Checks that the bytes lie in one allocation.
u8* global_at(Warp& warp, const Instruction& instruction, int lane, u64 address, u32 bytes, Access access);

/// Where each lane's access of `bytes` lies on the host, by the instruction's space and first source.
void resolve(Warp& warp, const Instruction& instruction, u32 lanes, u32 bytes, Access access, Lanes& to);

/// For the counters: the sectors of 32 bytes that a warp's request touches, and the fewest that its bytes fill.
void count_sectors(const Warp& warp, const Instruction& instruction, u32 lanes, u32 bytes,
                   const u64* address);
/// Passes over the 32 banks of 4 bytes; 8 and 16 bytes a lane go in halves and quarters of the warp.
void count_wavefronts(const Warp& warp, const Instruction& instruction, u32 lanes, u32 bytes,
                      const u64* address);

}  // namespace xr::software_gpu
