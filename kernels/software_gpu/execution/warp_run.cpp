// Runs a warp: its lanes in lockstep. Lanes that part form groups; the group that is furthest back in the program goes
// first, so that the groups meet again; one at a collective instruction waits for the other lanes of its mask.
#include "kernels/software_gpu/execution/warp_run.h"

#include <algorithm>
#include <bit>
#include <cstdio>

#include "kernels/software_gpu/handlers.h"

namespace xr::software_gpu {

namespace {

[[noreturn]] void stuck(const Warp& warp) {
  const Kernel& kernel = *warp.block->kernel;
  std::string text = kernel.title + ", block " + triple(warp.block->index) + ", warp " +
                     std::to_string(warp.index) + ": the lanes wait at different places:";
  for (const Group& group : warp.others) {
    char lanes[16];
    std::snprintf(lanes, sizeof(lanes), "%08x", group.lanes);
    text += "\n    lanes " + std::string(lanes) + " at " + place_of(kernel, kernel.code[group.pc]);
  }
  throw Fault(text);
}

/// Lets groups at one place go on together, and chooses the one to run.
void pick(Warp& warp) {
  auto& all = warp.others;
  if (warp.active != 0) all.push_back({warp.pc, warp.active, false});
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = i + 1; j < all.size();)
      if (all[j].pc == all[i].pc) {
        all[i].lanes |= all[j].lanes;
        all[i].waits = false;
        all.erase(all.begin() + static_cast<std::ptrdiff_t>(j));
      } else {
        ++j;
      }
  auto best = all.end();
  for (auto group = all.begin(); group != all.end(); ++group)
    if (!group->waits && (best == all.end() || group->pc < best->pc)) best = group;
  if (best == all.end()) stuck(warp);
  warp.pc = best->pc;
  warp.active = best->lanes;
  all.erase(best);
  warp.next_pc = nowhere;
  for (const Group& group : all)
    if (group.pc > warp.pc) warp.next_pc = std::min(warp.next_pc, group.pc);
}

/// The group has to wait for other lanes of its warp.
void park(Warp& warp) {
  warp.others.push_back({warp.pc, warp.active, true});
  warp.active = 0;
  pick(warp);
}

/// Until the warp waits at a barrier or has ended. Returns how many instructions it ran.
template <bool Count>
u64 run(Warp& warp) {
  Block& block = *warp.block;
  const Instruction* const code = block.kernel->code.data();
  u64 steps = 0;
  for (;; ++steps) {
    if (warp.pc >= warp.next_pc) [[unlikely]]
      pick(warp);
    const Instruction& instruction = code[warp.pc];
    u32 lanes = warp.active;
    if (instruction.guard != nowhere) {
      const u32 p = warp.pred(instruction.guard);
      lanes &= instruction.guard_negated ? ~p : p;
    }
    if constexpr (Count) {
      Counter& c = block.counters[warp.pc];
      ++c.executed;
      c.lanes += static_cast<u64>(std::popcount(lanes));
    }
    switch (instruction.control) {
      case Control::none:
        if (lanes != 0) instruction.run(warp, instruction, lanes);
        ++warp.pc;
        break;
      case Control::branch:
        if (lanes == warp.active) {
          warp.pc = static_cast<u32>(instruction.offset);
        } else {
          ++warp.pc;
          if (lanes != 0) {
            warp.others.push_back({static_cast<u32>(instruction.offset), lanes, false});
            warp.active &= ~lanes;
          }
        }
        if (!warp.others.empty()) pick(warp);
        break;
      case Control::exit:
        warp.alive &= ~lanes;
        warp.active &= ~lanes;
        ++warp.pc;
        if (warp.active == 0) {
          if (warp.others.empty()) {
            finish_copies(warp);
            return steps + 1;
          }
          for (Group& group : warp.others) group.waits = false;
          pick(warp);
        }
        break;
      case Control::barrier:
        if (lanes == 0) {
          ++warp.pc;
        } else if (lanes != warp.alive) {
          park(warp);
        } else {
          ++warp.pc;
          warp.at_barrier = true;
          return steps + 1;
        }
        break;
      case Control::collective: {
        if (lanes == 0) {
          ++warp.pc;
          break;
        }
        u32 members = all_lanes;
        if (instruction.members_in_source)
          members = warp.reg<const u32>(instruction.sources[9])[std::countr_zero(lanes)];
        else if (warp.alive != all_lanes)
          fault(warp, instruction, std::countr_zero(lanes), "lanes of the warp have ended");
        if ((lanes & ~members) != 0) {
          // Lanes with masks of their own, in one group: those of the first lane's mask go first.
          warp.others.push_back({warp.pc, lanes & ~members, false});
          warp.active &= members;
          lanes &= members;
          if (lanes == 0) fault(warp, instruction, 0, "a lane is not in its own mask");
          warp.next_pc = warp.pc + 1;
        }
        if ((lanes & members & warp.alive) != (members & warp.alive)) {
          park(warp);
          break;
        }
        instruction.run(warp, instruction, lanes);
        ++warp.pc;
        break;
      }
    }
  }
}

}  // namespace

u64 run_warp(Warp& warp, bool count) {
  return count ? run<true>(warp) : run<false>(warp);
}

}  // namespace xr::software_gpu
