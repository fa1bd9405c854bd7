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
std::unordered_map<u64, std::vector<u32>> meetings;  ///< by the word of an atomic: blocks that used it
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

/// A block, + 1, that had an atomic on the word and is not ordered before this block; 0 if there is none.
u32 other_with_atomic(u64 word, u32 block) {
  const auto found = meetings.find(word);
  if (found == meetings.end()) return 0;
  for (const u32 other : found->second)
    if (other != block && !met.contains(other)) return other + 1;
  return 0;
}

[[noreturn]] void race(Warp& warp, const Instruction& instruction, int lane, u64 address, u32 user,
                       Access access, const char* did) {
  const Block& block = *warp.block;
  std::string other = "other blocks";
  if (user != several_blocks) {
    const u32 n = user - 1;
    const u32 index[3] = {n % block.grid[0], n / block.grid[0] % block.grid[1],
                          n / block.grid[0] / block.grid[1]};
    other = "block " + triple(index);
  }
  fault(warp, instruction, lane,
        "race: " + std::string(verb_of(access)) + " global memory that " + other + " " + did +
            " in the same launch, at " + hex(address));
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
  GlobalWord* word = range.words + (address - range.begin) / 4;
  // Of words of which an access uses a part neighbours may have the rest: they are not looked at.
  const bool part = bytes < 4;
  for (GlobalWord* const end = word + std::max(1u, bytes / 4); word != end; ++word) {
    if (word->epoch != epoch) *word = {epoch, 0, 0};
    const auto is_other = [&](u32 user) { return user != 0 && user != me && user != mixed_blocks; };
    if (!part && is_other(word->writer) && !is_ordered(word->writer)) [[unlikely]]
      race(warp, instruction, lane, address, word->writer, access, "wrote");
    if (access != Access::read && !part && is_other(word->reader) && !is_ordered(word->reader)) [[unlikely]]
      race(warp, instruction, lane, address, word->reader, access, "read");
    const u64 place = range.begin + 4 * static_cast<u64>(word - range.words);
    if (access == Access::atomic) {
      meet(block, place);
      continue;
    }
    if (!meetings.empty())
      if (const u32 other = other_with_atomic(place, block); other != 0) [[unlikely]]
        race(warp, instruction, lane, address, other, access, "changed in an atomic");
    if (access == Access::read) {
      if (word->reader == 0)
        word->reader = part ? mixed_blocks : me;
      else if (is_other(word->reader))
        word->reader = several_blocks;
    } else {
      word->writer = part ? mixed_blocks : me;
    }
  }
}

}  // namespace xr::software_gpu
