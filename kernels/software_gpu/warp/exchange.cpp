// Shuffles and votes.
#include <bit>

#include "kernels/software_gpu/block.h"
#include "kernels/software_gpu/handlers.h"

namespace xr::software_gpu {

namespace {

enum class Shuffle { up, down, butterfly, index };

template <Shuffle Mode>
void shuffle(Warp& warp, const Instruction& instruction, u32 lanes) {
  const u32 *a = warp.reg<const u32>(instruction.sources[0]),
            *b = warp.reg<const u32>(instruction.sources[1]),
            *c = warp.reg<const u32>(instruction.sources[2]);
  u32 result[32], inside = 0;
  for (u32 rest = lanes; rest != 0; rest &= rest - 1) {
    const int lane = std::countr_zero(rest);
    const int by = static_cast<int>(b[lane] & 31), segment = static_cast<int>(c[lane] >> 8 & 31),
              clamp = static_cast<int>(c[lane] & 31);
    const int most = (lane & segment) | (clamp & ~segment), least = lane & segment;
    int from = 0;
    bool ok = false;
    switch (Mode) {
      case Shuffle::up:
        from = lane - by, ok = from >= most;
        break;
      case Shuffle::down:
        from = lane + by, ok = from <= most;
        break;
      case Shuffle::butterfly:
        from = lane ^ by, ok = from <= most;
        break;
      case Shuffle::index:
        from = least | (by & ~segment), ok = from <= most;
        break;
    }
    if (!ok) from = lane;
    if ((lanes >> from & 1) == 0)
      fault(warp, instruction, lane,
            "takes a value from lane " + std::to_string(from) + ", which takes no part");
    result[lane] = a[from];
    inside |= static_cast<u32>(ok) << lane;
  }
  u32* const d = warp.reg<u32>(instruction.destinations[0]);
  for (u32 rest = lanes; rest != 0; rest &= rest - 1)
    d[std::countr_zero(rest)] = result[std::countr_zero(rest)];
  if (instruction.has_second_destination) {
    u32& p = warp.pred(instruction.destinations[1]);
    p = (p & ~lanes) | (inside & lanes);
  }
}

enum class Vote { all, any, uniform, ballot };

template <Vote Mode>
void vote(Warp& warp, const Instruction& instruction, u32 lanes) {
  const u32 p = warp.pred(instruction.sources[0]) & lanes;
  if constexpr (Mode == Vote::ballot) {
    u32* const d = warp.reg<u32>(instruction.destinations[0]);
    for (u32 rest = lanes; rest != 0; rest &= rest - 1) d[std::countr_zero(rest)] = p;
  } else {
    const bool yes = Mode == Vote::all ? p == lanes : Mode == Vote::any ? p != 0 : p == 0 || p == lanes;
    u32& d = warp.pred(instruction.destinations[0]);
    d = (d & ~lanes) | (yes ? lanes : 0);
  }
}

void active_mask(Warp& warp, const Instruction& instruction, u32 lanes) {
  u32* const d = warp.reg<u32>(instruction.destinations[0]);
  for (u32 rest = lanes; rest != 0; rest &= rest - 1) d[std::countr_zero(rest)] = lanes;
}

void nothing(Warp&, const Instruction&, u32) {}

}  // namespace

Handler shuffle_handler(std::string_view mode) {
  return mode == "up"     ? shuffle<Shuffle::up>
         : mode == "down" ? shuffle<Shuffle::down>
         : mode == "bfly" ? shuffle<Shuffle::butterfly>
         : mode == "idx"  ? shuffle<Shuffle::index>
                          : nullptr;
}

Handler vote_handler(std::string_view mode) {
  return mode == "all"      ? vote<Vote::all>
         : mode == "any"    ? vote<Vote::any>
         : mode == "uni"    ? vote<Vote::uniform>
         : mode == "ballot" ? vote<Vote::ballot>
                            : nullptr;
}

Handler active_mask_handler() {
  return active_mask;
}
Handler no_operation() {
  return nothing;
}

}  // namespace xr::software_gpu
