// Comparisons, moves, and operations of predicates.
#include <tuple>

#include "kernels/software_gpu/arithmetic/lanes.h"

namespace xr::software_gpu {

namespace {

/// The instruction's elements say how the result is combined with the third source: 0 not, 1 and, 2 or, 3 xor.
template <auto F, class A>
void compare(Warp& warp, const Instruction& instruction, u32 lanes) {
  const auto *a = warp.reg<const Lane<A>>(instruction.sources[0]),
             *b = warp.reg<const Lane<A>>(instruction.sources[1]);
  u32 yes = 0;
  for (int lane = 0; lane < 32; ++lane) yes |= F(from<A>(a[lane]), from<A>(b[lane])) ? bit.of[lane] : 0u;
  u32 no = ~yes;
  if (instruction.elements != 0) {
    const u32 c = warp.pred(instruction.sources[2]);
    const auto combine = [&](u32 v) {
      return instruction.elements == 1 ? v & c : instruction.elements == 2 ? v | c : v ^ c;
    };
    yes = combine(yes), no = combine(no);
  }
  u32& d = warp.pred(instruction.destinations[0]);
  d = (d & ~lanes) | (yes & lanes);
  if (instruction.has_second_destination) {
    u32& d2 = warp.pred(instruction.destinations[1]);
    d2 = (d2 & ~lanes) | (no & lanes);
  }
}

template <class T>
void select(Warp& warp, const Instruction& instruction, u32 lanes) {
  const auto *a = warp.reg<const Lane<T>>(instruction.sources[0]),
             *b = warp.reg<const Lane<T>>(instruction.sources[1]);
  const u32 p = warp.pred(instruction.sources[2]);
  write<T>(warp, instruction, lanes,
           [&](int lane) -> T { return from<T>((p & bit.of[lane]) != 0 ? a[lane] : b[lane]); });
}

template <auto F>
void predicate(Warp& warp, const Instruction& instruction, u32 lanes) {
  const u32 r = F(warp.pred(instruction.sources[0]), warp.pred(instruction.sources[1]));
  u32& d = warp.pred(instruction.destinations[0]);
  d = (d & ~lanes) | (r & lanes);
}

template <class T>
void comparisons(Table& t, const std::string& type) {
  const auto add = [&]<auto F>(const char* name) {
    t["setp." + std::string(name) + type] = {compare<F, T>, Kind::predicate, 1, {width<T>, width<T>, 1}};
  };
  add.template operator()<[](T a, T b) { return a == b; }>("eq");
  if constexpr (std::is_floating_point_v<T>) {
    add.template operator()<[](T a, T b) { return a < b || b < a; }>("ne");
    add.template operator()<[](T a, T b) { return !(a < b || b < a); }>("equ");
    add.template operator()<[](T a, T b) { return !(a == b); }>("neu");
    add.template operator()<[](T a, T b) { return !(b <= a); }>("ltu");
    add.template operator()<[](T a, T b) { return !(b < a); }>("leu");
    add.template operator()<[](T a, T b) { return !(a <= b); }>("gtu");
    add.template operator()<[](T a, T b) { return !(a < b); }>("geu");
    add.template operator()<[](T a, T b) { return a == a && b == b; }>("num");
    add.template operator()<[](T a, T b) { return a != a || b != b; }>("nan");
  } else {
    add.template operator()<[](T a, T b) { return a != b; }>("ne");
  }
  for (const auto& [lt, le, gt, ge] :
       {std::tuple{"lt", "le", "gt", "ge"}, std::tuple{"lo", "ls", "hi", "hs"}}) {
    add.template operator()<[](T a, T b) { return a < b; }>(lt);
    add.template operator()<[](T a, T b) { return a <= b; }>(le);
    add.template operator()<[](T a, T b) { return b < a; }>(gt);
    add.template operator()<[](T a, T b) { return b <= a; }>(ge);
  }
}

template <class T>
void moves(Table& t, const std::string& type) {
  constexpr auto same = [](T a) { return a; };
  t["mov" + type] = {alu1<same, T, T>, Kind::move, width<T>, {width<T>}};
  t["selp" + type] = {select<T>, Kind::move, width<T>, {width<T>, width<T>, 1}};
}

}  // namespace

void add_comparisons(Table& table) {
  comparisons<u16>(table, ".u16"), comparisons<s16>(table, ".s16"), comparisons<u16>(table, ".b16");
  comparisons<u32>(table, ".u32"), comparisons<s32>(table, ".s32"), comparisons<u32>(table, ".b32");
  comparisons<u64>(table, ".u64"), comparisons<s64>(table, ".s64"), comparisons<u64>(table, ".b64");
  comparisons<float>(table, ".f32"), comparisons<double>(table, ".f64");
  for (const char* type : {".u16", ".s16", ".b16"}) moves<u16>(table, type);
  for (const char* type : {".u32", ".s32", ".b32", ".f32"}) moves<u32>(table, type);
  for (const char* type : {".u64", ".s64", ".b64", ".f64"}) moves<u64>(table, type);
  constexpr Kind kind = Kind::predicate;
  table["mov.pred"] = {predicate<[](u32 a, u32) { return a; }>, kind, 1, {1}};
  table["not.pred"] = {predicate<[](u32 a, u32) { return ~a; }>, kind, 1, {1}};
  table["and.pred"] = {predicate<[](u32 a, u32 b) { return a & b; }>, kind, 1, {1, 1}};
  table["or.pred"] = {predicate<[](u32 a, u32 b) { return a | b; }>, kind, 1, {1, 1}};
  table["xor.pred"] = {predicate<[](u32 a, u32 b) { return a ^ b; }>, kind, 1, {1, 1}};
}

}  // namespace xr::software_gpu
