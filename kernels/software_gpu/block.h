// The state of a block that runs. Warps run in lockstep: one instruction after another for all lanes, whose registers lie
// side by side.
#pragma once

#include <string>
#include <vector>

#include "kernels/software_gpu/allocations.h"
#include "kernels/software_gpu/fault.h"
#include "kernels/software_gpu/instruction.h"
#include "kernels/software_gpu/memory/sector_set.h"

namespace xr::software_gpu {

// Addresses of the windows in the generic space; no pointer of the host looks like these.
constexpr u64 shared_window = u64{1} << 60, local_window = u64{2} << 60, parameter_window = u64{3} << 60;
/// The first bytes of shared memory are the system's, as on sm_90.
constexpr u32 shared_start = 1024;

/// Who used four bytes of shared memory, for races between warps: warp + 1, and in which epoch (a barrier begins the
/// next). Words of which single bytes were used are mixed, and not looked at.
struct Shadow {
  u16 writer = 0, written = 0, reader = 0, read = 0;
};
constexpr u16 several_warps = 0xfffe, mixed_warps = 0xfffd, last_epoch = 0xfff0;
/// As a writer: a word that only atomics have changed, of one warp (this + warp + 1) or of several.
constexpr u16 atomic_of_warp = 0x1000, atomic_of_several = 0x1fff;

/// A copy to shared memory that is under way.
struct AsyncCopy {
  u8 lane, bytes, valid;  ///< of `bytes` so many are copied, the rest becomes zero
  u32 group, to;
  u64 from;
  u32 pc;  ///< of the instruction that began it
};

struct Block {
  Kernel* kernel = nullptr;
  const u8* parameters = nullptr;
  u32 grid[3]{}, size[3]{}, index[3]{};
  u32 threads = 0;
  int device = 0;
  std::vector<u8> shared;  ///< from shared_start on
  enum State : u8 { unwritten, written, in_flight };
  std::vector<u8> state;  ///< of every byte
  std::vector<Shadow> shadow;
  u16 epoch = 1;
  std::vector<Range> found;  ///< per instruction: the allocation that it used last
  Counting counting = Counting::none;
  std::vector<Counter> counters;  ///< per instruction, if counted
  SectorSet touched;              ///< if all is counted
};

/// Lanes at one place of the program.
struct Group {
  u32 pc, lanes;
  bool waits;
};

struct Warp {
  u8* bank[2]{};  ///< registers, constants
  Block* block = nullptr;
  u32 index = 0, pc = 0, active = 0, alive = 0;
  u32 next_pc = nowhere;  ///< where the nearest other group waits for this one to come by
  bool at_barrier = false;
  std::vector<Group> others;
  std::vector<u8> local;
  std::vector<AsyncCopy> copies;
  u32 committed[32]{};  ///< groups of copies, by lane

  [[nodiscard]] u8* at(Operand operand) const { return bank[operand & 1] + (operand & ~1u); }
  /// The lanes of a register; const T for constants.
  template <class T>
  [[nodiscard]] T* reg(Operand operand) const {
    return reinterpret_cast<T*>(at(operand));
  }
  /// A predicate has a bit per lane.
  [[nodiscard]] u32& pred(Operand operand) const { return *reg<u32>(operand); }
};

/// Throws Fault with kernel, block, thread, what happened, and the place in the source and the PTX.
[[noreturn]] void fault(const Warp& warp, const Instruction& instruction, int lane, const std::string& what);

/// "kernels/cuda/relu.cu:12, PTX line 345: add.f32 ..."
std::string place_of(const Kernel& kernel, const Instruction& instruction);
std::string triple(const u32* values);

/// "0x12ab"
std::string hex(u64 value);

}  // namespace xr::software_gpu
