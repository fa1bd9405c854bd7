#include "kernels/software_gpu/memory/global_races.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace xr::software_gpu {

namespace {

constexpr u32 several_blocks = ~u32{0}, mixed_blocks = ~u32{0} - 1;

// One thread runs the blocks where races are looked for.
u32 epoch = 0;
std::unordered_map<u64, std::vector<u32>> meetings;  ///< by the address of an atomic: blocks that used it
std::unordered_set<u32> met;                         ///< blocks that used an atomic before this one did

u32 number_of(const Block& block) {
  return block.index[0] + block.grid[0] * (block.index[1] + block.grid[1] * block.index[2]);
}

void meet(u32 block, u64 address) {
  std::vector<u32>& blocks = meetings[address];
  met.insert(blocks.begin(), blocks.end());
  if (blocks.empty() || blocks.back() != block) blocks.push_back(block);
}

/// Whether the other user of a word, block + 1, is ordered before this block. Of several blocks nobody knows which.
bool is_ordered(u32 user) {
  return user == several_blocks ? !met.empty() : met.contains(user - 1);
}

[[noreturn]] void race(Warp& warp, const Instruction& instruction, int lane, u64 address, u32 user,
                       bool reads, bool was_written) {
  const Block& block = *warp.block;
  std::string other = "other blocks";
  if (user != several_blocks) {
    const u32 n = user - 1;
    const u32 index[3] = {n % block.grid[0], n / block.grid[0] % block.grid[1],
                          n / block.grid[0] / block.grid[1]};
    other = "block " + triple(index);
  }
  fault(warp, instruction, lane,
        std::string("race: ") + (reads ? "reads" : "writes") + " global memory that " + other +
            (was_written ? " wrote" : " read") + " in the same launch, at " + hex(address));
}

}  // namespace

void begin_global_epoch() {
  ++epoch;
  meetings.clear();
}

void begin_global_block() {
  met.clear();
}

void check_global(Warp& warp, const Instruction& instruction, int lane, const Range& range, u64 address,
                  u32 bytes, Access access) {
  const u32 block = number_of(*warp.block), me = block + 1;
  if (access == Access::atomic) return meet(block, address);
  GlobalWord* word = range.words + (address - range.begin) / 4;
  // Of words of which an access uses a part neighbours may have the rest: they are not looked at.
  const bool part = bytes < 4;
  for (GlobalWord* const end = word + std::max(1u, bytes / 4); word != end; ++word) {
    if (word->epoch != epoch) *word = {epoch, 0, 0};
    const auto is_other = [&](u32 user) { return user != 0 && user != me && user != mixed_blocks; };
    if (access == Access::read) {
      if (is_other(word->writer) && !part && !is_ordered(word->writer)) [[unlikely]]
        race(warp, instruction, lane, address, word->writer, true, true);
      if (word->reader == 0)
        word->reader = part ? mixed_blocks : me;
      else if (is_other(word->reader))
        word->reader = several_blocks;
    } else {
      if (!part && is_other(word->writer) && !is_ordered(word->writer)) [[unlikely]]
        race(warp, instruction, lane, address, word->writer, false, true);
      if (!part && is_other(word->reader) && !is_ordered(word->reader)) [[unlikely]]
        race(warp, instruction, lane, address, word->reader, false, false);
      word->writer = part ? mixed_blocks : me;
    }
  }
}

}  // namespace xr::software_gpu
