#include "kernels/software_gpu/memory/access.h"

#include <cstring>

#include "kernels/software_gpu/memory/global_races.h"
#include "kernels/software_gpu/options.h"

namespace xr::software_gpu {

namespace {

[[noreturn]] void unwritten(const Warp& warp, const Instruction& instruction, int lane, u32 offset,
                            u8 state) {
  fault(warp, instruction, lane,
        (state == Block::in_flight ? "reads shared memory to which a copy is under way, at "
                                   : "reads shared memory that nobody wrote, at ") +
            hex(offset + shared_start));
}
bool is_of_atomics(u16 writer) {
  return writer >= atomic_of_warp && writer <= atomic_of_several;
}
[[noreturn]] void race(const Warp& warp, const Instruction& instruction, int lane, u32 offset,
                       const Shadow& s, Access access) {
  const bool was_written = s.written == warp.block->epoch, by_atomic = was_written && is_of_atomics(s.writer);
  const u16 who = was_written ? s.writer : s.reader;
  fault(warp, instruction, lane,
        "race: " + std::string(verb_of(access)) + " shared memory that " +
            (who == several_warps || who == atomic_of_several
                 ? "other warps"
                 : "warp " + std::to_string(who - (by_atomic ? atomic_of_warp : 0) - 1)) +
            (by_atomic     ? " changed in an atomic"
             : was_written ? " wrote"
                           : " read") +
            " since the last barrier, at " + hex(offset + shared_start));
}

/// Words of which an access used a part are not looked at for races: neighbours may have the rest.
void mark_part(Block& block, u32 offset, Access access) {
  Shadow& s = block.shadow[offset / 4];
  (access == Access::read ? s.reader : s.writer) = mixed_warps;
  (access == Access::read ? s.read : s.written) = block.epoch;
}

/// An atomic races with plain accesses of other warps, not with atomics.
void use_atomically(Warp& warp, const Instruction& instruction, int lane, u32 offset, Shadow& s) {
  const u16 me = static_cast<u16>(warp.index + 1), epoch = warp.block->epoch;
  const u16 mine = static_cast<u16>(atomic_of_warp + me);
  const bool written_now = s.written == epoch, of_atomics = written_now && is_of_atomics(s.writer);
  if ((written_now && !of_atomics && s.writer != me && s.writer != mixed_warps) ||
      (s.read == epoch && s.reader != me && s.reader != mixed_warps)) [[unlikely]]
    race(warp, instruction, lane, offset, s, Access::atomic);
  if (!written_now)
    s.writer = mine;
  else if (of_atomics && s.writer != mine)
    s.writer = atomic_of_several;
  s.written = epoch;
}

}  // namespace

const char* verb_of(Access access) {
  return access == Access::read ? "reads" : access == Access::write ? "writes" : "changes in an atomic";
}

void addresses(const Warp& warp, Operand operand, s64 offset, bool is_64, u64* a) {
  if (is_64) {
    const u64* r = warp.reg<const u64>(operand);
    for (int lane = 0; lane < 32; ++lane) a[lane] = r[lane] + static_cast<u64>(offset);
  } else {
    const u32* r = warp.reg<const u32>(operand);
    for (int lane = 0; lane < 32; ++lane) a[lane] = static_cast<u32>(r[lane] + static_cast<u32>(offset));
  }
}

void check_shared(Warp& warp, const Instruction& instruction, int lane, u32 offset, u32 bytes,
                  Access access) {
  Block& block = *warp.block;
  u8* const state = block.state.data() + offset;
  if (access != Access::write) {
    u32 i = 0;
    for (u32 four; i + 4 <= bytes && (std::memcpy(&four, state + i, 4), four == 0x01010101); i += 4) {
    }
    for (; i < bytes; ++i)
      if (state[i] != Block::written) [[unlikely]]
        unwritten(warp, instruction, lane, offset + i, state[i]);
  } else {
    std::memset(state, Block::written, bytes);
  }
  if (!options().races) return;
  if (bytes < 4) return mark_part(block, offset, access);
  const u16 me = static_cast<u16>(warp.index + 1), epoch = block.epoch;
  Shadow* s = block.shadow.data() + offset / 4;
  for (Shadow* const end = s + bytes / 4; s != end; ++s) {
    if (access == Access::atomic) {
      use_atomically(warp, instruction, lane, offset, *s);
      continue;
    }
    const bool written_now = s->written == epoch, read_now = s->read == epoch;
    if (written_now && s->writer != me && s->writer != mixed_warps && s->writer != atomic_of_warp + me)
        [[unlikely]]
      race(warp, instruction, lane, offset, *s, access);
    if (access == Access::read) {
      s->reader = !read_now || s->reader == me ? me : s->reader == mixed_warps ? mixed_warps : several_warps;
      s->read = epoch;
    } else {
      if (read_now && s->reader != me && s->reader != mixed_warps) [[unlikely]]
        race(warp, instruction, lane, offset, *s, access);
      s->writer = me;
      s->written = epoch;
    }
  }
}

u8* shared_at(Warp& warp, const Instruction& instruction, int lane, u64 address, u32 bytes, Access access) {
  Block& block = *warp.block;
  const u64 offset = address - shared_start;
  if (offset > block.shared.size() || bytes > block.shared.size() - offset) [[unlikely]]
    fault(warp, instruction, lane,
          std::string(verb_of(access)) + " " + std::to_string(bytes) + " bytes of shared memory at " +
              hex(address) + ", outside of [" + hex(shared_start) + ", " +
              hex(shared_start + block.shared.size()) + ")");
  check_shared(warp, instruction, lane, static_cast<u32>(offset), bytes, access);
  return block.shared.data() + offset;
}

u8* global_at(Warp& warp, const Instruction& instruction, int lane, u64 address, u32 bytes, Access access) {
  Range& range = warp.block->found[static_cast<std::size_t>(&instruction - warp.block->kernel->code.data())];
  if (!range.contains(address, bytes)) {
    const bool races = options().races && options().threads == 1;
    const Range found = races ? allocations().find_with_words(address) : allocations().find(address);
    const auto report = [&](const std::string& what) {
      fault(warp, instruction, lane,
            std::string(verb_of(access)) + " " + std::to_string(bytes) + " bytes of global memory at " +
                hex(address) + what);
    };
    if (!found.contains(address, bytes))
      report(", in no allocation" + (found.end > found.begin ? "; the one before is [" + hex(found.begin) +
                                                                   ", " + hex(found.end) + ")"
                                                             : std::string()));
    if (found.device != any_device && found.device != warp.block->device)
      report(", which is device " + std::to_string(found.device) + "'s");
    range = found;
  }
  if (range.words != nullptr) check_global(warp, instruction, lane, range, address, bytes, access);
  // NOLINTNEXTLINE(performance-no-int-to-ptr): device addresses are the host's
  return reinterpret_cast<u8*>(address);
}

void resolve(Warp& warp, const Instruction& instruction, u32 lanes, u32 bytes, Access access, Lanes& x) {
  addresses(warp, instruction.sources[0], instruction.offset, instruction.address_is_64, x.address);
  u64 low_bits = 0;
  each(lanes, [&](int lane) { low_bits |= x.address[lane]; });
  if ((low_bits & (bytes - 1)) != 0) [[unlikely]]
    each(lanes, [&](int lane) {
      if ((x.address[lane] & (bytes - 1)) != 0)
        fault(warp, instruction, lane,
              "misaligned address " + hex(x.address[lane]) + " of " + std::to_string(bytes) + " bytes");
    });
  switch (instruction.space) {
    case Space::global:
      if (warp.block->counting == Counting::all) count_sectors(warp, instruction, lanes, bytes, x.address);
      each(lanes, [&](int lane) {
        x.at[lane] = global_at(warp, instruction, lane, x.address[lane], bytes, access);
      });
      break;
    case Space::shared:
      if (warp.block->counting == Counting::all) count_wavefronts(warp, instruction, lanes, bytes, x.address);
      each(lanes, [&](int lane) {
        x.at[lane] = shared_at(warp, instruction, lane, x.address[lane], bytes, access);
      });
      break;
    case Space::parameter:
      each(lanes, [&](int lane) {
        if (x.address[lane] + bytes > warp.block->kernel->parameter_bytes)
          fault(warp, instruction, lane, "reads beyond the parameters");
        x.at[lane] = const_cast<u8*>(warp.block->parameters) + x.address[lane];
      });
      break;
    case Space::local:
    case Space::generic:
      each(lanes, [&](int lane) {
        const u64 a = x.address[lane],
                  window = instruction.space == Space::local ? local_window : a & (u64{15} << 60),
                  offset = a & ~(u64{15} << 60);
        if (window == shared_window) {
          x.at[lane] = shared_at(warp, instruction, lane, offset, bytes, access);
        } else if (window == local_window) {
          const u64 size = warp.block->kernel->local_bytes;
          if (offset + bytes > size)
            fault(warp, instruction, lane,
                  "local memory at " + hex(offset) + " of " + std::to_string(size) + " bytes");
          x.at[lane] = warp.local.data() + static_cast<u64>(lane) * size + offset;
        } else if (window == parameter_window) {
          if (offset + bytes > warp.block->kernel->parameter_bytes)
            fault(warp, instruction, lane, "reads beyond the parameters");
          x.at[lane] = const_cast<u8*>(warp.block->parameters) + offset;
        } else {
          x.at[lane] = global_at(warp, instruction, lane, a, bytes, access);
        }
      });
      break;
  }
}

}  // namespace xr::software_gpu
