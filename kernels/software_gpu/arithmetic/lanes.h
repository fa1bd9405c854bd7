// Arithmetic on all lanes of a warp: one template per number of sources. The loops are written so that compilers make
// vector instructions of them.
#pragma once

#include <bit>
#include <string>
#include <type_traits>
#include <unordered_map>

#include "kernels/software_gpu/block.h"
#include "kernels/software_gpu/handlers.h"

namespace xr::software_gpu {

/// Registers of up to 32 bits have 32 bits per lane.
template <class T>
using Lane = std::conditional_t<sizeof(T) == 8, u64, u32>;

template <class T>
T from(Lane<T> bits) {
  if constexpr (std::is_floating_point_v<T>)
    return std::bit_cast<T>(bits);
  else
    return static_cast<T>(bits);
}

template <class T>
Lane<T> to(T value) {
  if constexpr (std::is_floating_point_v<T>)
    return std::bit_cast<Lane<T>>(value);
  else
    return static_cast<Lane<T>>(static_cast<s64>(value));  // narrow signed numbers fill the register
}

struct Bits {
  u32 of[32];
  constexpr Bits() : of() {
    for (u32 lane = 0; lane < 32; ++lane) of[lane] = u32{1} << lane;
  }
};
inline constexpr Bits bit;

template <class L>
void blend(L* to, const L* from, u32 lanes) {
#pragma GCC ivdep
  for (int lane = 0; lane < 32; ++lane) to[lane] = (lanes & bit.of[lane]) != 0 ? from[lane] : to[lane];
}

/// d = F(lane) in all lanes that are on. Sources may be the destination: lanes do not see each other.
template <class D, class F>
void write(Warp& warp, const Instruction& instruction, u32 lanes, F&& f) {
  using L = Lane<D>;
  L* const d = warp.reg<L>(instruction.destinations[0]);
  if (lanes == all_lanes) {
#pragma GCC ivdep
    for (int lane = 0; lane < 32; ++lane) d[lane] = to<D>(f(lane));
  } else {
    alignas(64) L r[32];
#pragma GCC ivdep
    for (int lane = 0; lane < 32; ++lane) r[lane] = to<D>(f(lane));
    blend(d, r, lanes);
  }
}

template <auto F, class D, class A>
void alu1(Warp& warp, const Instruction& instruction, u32 lanes) {
  const auto* a = warp.reg<const Lane<A>>(instruction.sources[0]);
  write<D>(warp, instruction, lanes, [&](int lane) -> D { return F(from<A>(a[lane])); });
}

template <auto F, class D, class A, class B>
void alu2(Warp& warp, const Instruction& instruction, u32 lanes) {
  const auto* a = warp.reg<const Lane<A>>(instruction.sources[0]);
  const auto* b = warp.reg<const Lane<B>>(instruction.sources[1]);
  write<D>(warp, instruction, lanes, [&](int lane) -> D { return F(from<A>(a[lane]), from<B>(b[lane])); });
}

template <auto F, class D, class A, class B, class C>
void alu3(Warp& warp, const Instruction& instruction, u32 lanes) {
  const auto* a = warp.reg<const Lane<A>>(instruction.sources[0]);
  const auto* b = warp.reg<const Lane<B>>(instruction.sources[1]);
  const auto* c = warp.reg<const Lane<C>>(instruction.sources[2]);
  write<D>(warp, instruction, lanes,
           [&](int lane) -> D { return F(from<A>(a[lane]), from<B>(b[lane]), from<C>(c[lane])); });
}

using Table = std::unordered_map<std::string, Operation>;

template <class T>
constexpr u8 width = sizeof(T) == 8 ? 8 : 4;

struct Adder {
  Table& t;
  template <auto F, class D, class A>
  void one(const std::string& name, Kind kind) {
    t[name] = {alu1<F, D, A>, kind, width<D>, {width<A>}};
  }
  template <auto F, class D, class A, class B>
  void two(const std::string& name, Kind kind) {
    t[name] = {alu2<F, D, A, B>, kind, width<D>, {width<A>, width<B>}};
  }
  template <auto F, class D, class A, class B, class C>
  void three(const std::string& name, Kind kind) {
    t[name] = {alu3<F, D, A, B, C>, kind, width<D>, {width<A>, width<B>, width<C>}};
  }
};

// Each file's part of the table.
void add_integers(Table& table);
void add_floats(Table& table);
void add_conversions(Table& table);
void add_comparisons(Table& table);

}  // namespace xr::software_gpu
