#include <cstring>
#include <type_traits>

#include "kernels/software_gpu/handlers.h"
#include "kernels/software_gpu/memory/access.h"

namespace xr::software_gpu {

namespace {

/// E: the element in memory; R: the lanes of the register.
template <class E, class R>
void load(Warp& warp, const Instruction& instruction, u32 lanes) {
  Lanes x;
  resolve(warp, instruction, lanes, sizeof(E) * instruction.elements, Access::read, x);
  for (int i = 0; i < instruction.elements; ++i) {
    R* const d = warp.reg<R>(instruction.destinations[i]);
    each(lanes, [&](int lane) {
      E e;
      std::memcpy(&e, x.at[lane] + static_cast<std::size_t>(i) * sizeof(E), sizeof(E));
      d[lane] = static_cast<R>(static_cast<std::conditional_t<std::is_signed_v<E>, s64, u64>>(e));
    });
  }
}

/// The values are sources 1 to `elements`.
template <class E, class R>
void store(Warp& warp, const Instruction& instruction, u32 lanes) {
  Lanes x;
  resolve(warp, instruction, lanes, sizeof(E) * instruction.elements, Access::write, x);
  for (int i = 0; i < instruction.elements; ++i) {
    const R* const s = warp.reg<const R>(instruction.sources[1 + i]);
    each(lanes, [&](int lane) {
      const E e = static_cast<E>(s[lane]);
      std::memcpy(x.at[lane] + static_cast<std::size_t>(i) * sizeof(E), &e, sizeof(E));
    });
  }
}

}  // namespace

Handler load_handler(int bytes, bool is_signed, bool wide) {
  switch (bytes) {
    case 1:
      return is_signed ? (wide ? load<s8, u64> : load<s8, u32>) : (wide ? load<u8, u64> : load<u8, u32>);
    case 2:
      return is_signed ? (wide ? load<s16, u64> : load<s16, u32>) : (wide ? load<u16, u64> : load<u16, u32>);
    case 4:
      return is_signed ? (wide ? load<s32, u64> : load<s32, u32>) : (wide ? load<u32, u64> : load<u32, u32>);
    case 8:
      return wide ? load<u64, u64> : nullptr;
    default:
      return nullptr;
  }
}

Handler store_handler(int bytes, bool wide) {
  switch (bytes) {
    case 1:
      return wide ? store<u8, u64> : store<u8, u32>;
    case 2:
      return wide ? store<u16, u64> : store<u16, u32>;
    case 4:
      return wide ? store<u32, u64> : store<u32, u32>;
    case 8:
      return wide ? store<u64, u64> : nullptr;
    default:
      return nullptr;
  }
}

}  // namespace xr::software_gpu
