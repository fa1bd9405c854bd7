// Asynchronous copies from global to shared memory, and ldmatrix.
#include <cstring>

#include "kernels/software_gpu/handlers.h"
#include "kernels/software_gpu/memory/access.h"
#include "kernels/software_gpu/options.h"

namespace xr::software_gpu {

namespace {

/// Sources: where to, from where, how many bytes are valid. The destination is in flight until the wait.
void async_copy(Warp& warp, const Instruction& instruction, u32 lanes) {
  Lanes to, from;
  addresses(warp, instruction.sources[0], instruction.offset, instruction.address_is_64, to.address);
  addresses(warp, instruction.sources[1], static_cast<s64>(instruction.second_offset), true, from.address);
  const u32* const valid =
      instruction.has_second_destination ? warp.reg<const u32>(instruction.sources[2]) : nullptr;
  u32 reading = 0;
  each(lanes, [&](int lane) {
    const u32 bytes = instruction.bytes, count = valid == nullptr ? bytes : valid[lane];
    if (count > bytes)
      fault(warp, instruction, lane,
            "copies " + std::to_string(count) + " of " + std::to_string(bytes) + " bytes");
    if (to.address[lane] % bytes != 0 || from.address[lane] % bytes != 0)
      fault(warp, instruction, lane,
            "misaligned copy of " + std::to_string(bytes) + " bytes from " + hex(from.address[lane]) +
                " to " + hex(to.address[lane]));
    shared_at(warp, instruction, lane, to.address[lane], bytes, Access::write);
    const u32 offset = static_cast<u32>(to.address[lane]) - shared_start;
    std::memset(warp.block->state.data() + offset, Block::in_flight, bytes);
    std::memset(warp.block->shared.data() + offset, 0xff, bytes);
    if (count > 0)
      global_at(warp, instruction, lane, from.address[lane], count, Access::read), reading |= 1u << lane;
    warp.copies.push_back({static_cast<u8>(lane), static_cast<u8>(bytes), static_cast<u8>(count),
                           warp.committed[lane], offset, from.address[lane], warp.pc});
  });
  if (warp.block->counting == Counting::all) {
    if (reading != 0) count_sectors(warp, instruction, reading, instruction.bytes, from.address);
    count_wavefronts(warp, instruction, lanes, instruction.bytes, to.address);
  }
}

void async_commit(Warp& warp, const Instruction&, u32 lanes) {
  each(lanes, [&](int lane) { ++warp.committed[lane]; });
}

/// offset: how many of a lane's latest groups may still be under way; -1: wait for all, committed or not.
void async_wait(Warp& warp, const Instruction& instruction, u32 lanes) {
  std::erase_if(warp.copies, [&](const AsyncCopy& c) {
    if ((lanes >> c.lane & 1) == 0) return false;
    if (instruction.offset >= 0 && c.group + static_cast<u32>(instruction.offset) >= warp.committed[c.lane])
      return false;
    Block& block = *warp.block;
    // NOLINTNEXTLINE(performance-no-int-to-ptr): device addresses are the host's
    std::memcpy(block.shared.data() + c.to, reinterpret_cast<const u8*>(c.from), c.valid);
    std::memset(block.shared.data() + c.to + c.valid, 0, static_cast<std::size_t>(c.bytes - c.valid));
    check_shared(warp, instruction, c.lane, c.to, c.bytes, Access::write);
    return true;
  });
}

/// Lanes 8 i to 8 i + 7 give the rows of matrix i.
template <bool Transposed>
void ldmatrix(Warp& warp, const Instruction& instruction, u32 lanes) {
  u64 a[32];
  addresses(warp, instruction.sources[0], instruction.offset, instruction.address_is_64, a);
  const int rows = 8 * instruction.elements;
  const u16* row[32];
  for (int lane = 0; lane < rows; ++lane) {
    if (a[lane] % 16 != 0) fault(warp, instruction, lane, "misaligned row " + hex(a[lane]));
    row[lane] = reinterpret_cast<const u16*>(shared_at(warp, instruction, lane, a[lane], 16, Access::read));
  }
  if (warp.block->counting == Counting::all)
    count_wavefronts(warp, instruction, rows == 32 ? all_lanes : (1u << rows) - 1, 16, a);
  for (int m = 0; m < instruction.elements; ++m) {
    u32* const d = warp.reg<u32>(instruction.destinations[m]);
    for (int lane = 0; lane < 32; ++lane) {
      const int i = lane / 4, j = 2 * (lane % 4);
      d[lane] = Transposed ? row[8 * m + j][i] | static_cast<u32>(row[8 * m + j + 1][i]) << 16
                           : row[8 * m + i][j] | static_cast<u32>(row[8 * m + i][j + 1]) << 16;
    }
  }
  (void)lanes;
}

}  // namespace

Handler async_copy_handler() {
  return async_copy;
}
Handler async_commit_handler() {
  return async_commit;
}
Handler async_wait_handler() {
  return async_wait;
}
Handler ldmatrix_handler(bool transposed) {
  return transposed ? ldmatrix<true> : ldmatrix<false>;
}

void finish_copies(Warp& warp) {
  if (warp.copies.empty()) return;
  const Block& block = *warp.block;
  const std::size_t left = warp.copies.size();
  const u32 first = warp.copies.front().pc;
  warp.copies.clear();
  throw Fault(block.kernel->title + ", block " + triple(block.index) + ", warp " +
              std::to_string(warp.index) + ": ends with " + std::to_string(left) +
              " copies that were not waited for\n    begun at " +
              place_of(*block.kernel, block.kernel->code[first]));
}

}  // namespace xr::software_gpu
