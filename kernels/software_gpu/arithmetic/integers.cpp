#include <algorithm>

#include "kernels/software_gpu/arithmetic/lanes.h"

namespace xr::software_gpu {

namespace {

__extension__ using Signed128 = __int128;
__extension__ using Unsigned128 = unsigned __int128;

/// bfi: four sources.
template <class T>
void bit_insert(Warp& warp, const Instruction& instruction, u32 lanes) {
  const auto *a = warp.reg<const Lane<T>>(instruction.sources[0]),
             *b = warp.reg<const Lane<T>>(instruction.sources[1]);
  const auto *c = warp.reg<const u32>(instruction.sources[2]),
             *d = warp.reg<const u32>(instruction.sources[3]);
  write<T>(warp, instruction, lanes, [&](int lane) -> T {
    constexpr u32 width = 8 * sizeof(T);
    const u32 at = c[lane] & 255, count = d[lane] & 255;
    if (at >= width || count == 0) return b[lane];
    const T ones = count >= width ? ~T{0} : (T{1} << count) - 1;
    return (b[lane] & ~(ones << at)) | ((a[lane] & ones) << at);
  });
}

/// bfe: `c` bits of a from bit b on, below copies of the sign, which is the field's or a's last bit.
template <class T>
T bit_extract(T a, u32 b, u32 c) {
  using U = std::make_unsigned_t<T>;
  constexpr u32 width = 8 * sizeof(T);
  const u32 at = b & 255, count = c & 255;
  if (count == 0) return 0;
  const u32 there = at >= width ? 0 : std::min(count, width - at);
  const bool negative =
      std::is_signed_v<T> && (static_cast<U>(a) >> std::min(at + count - 1, width - 1) & 1) != 0;
  const U above = there >= width ? U{0} : ~U{0} << there;
  const U field = at >= width ? U{0} : static_cast<U>(a) >> at;
  return static_cast<T>((field & ~above) | (negative ? above : U{0}));
}

/// The funnel shifts' 64 bits.
u64 pair(u32 low, u32 high) {
  return static_cast<u64>(high) << 32 | low;
}

/// prmt: byte i of the result is the one that nibble i of c names, or copies of its sign.
u32 permute(u32 a, u32 b, u32 c) {
  const u64 all = static_cast<u64>(b) << 32 | a;
  u32 r = 0;
  for (int i = 0; i < 4; ++i) {
    const u32 s = c >> (4 * i) & 15;
    u32 byte = static_cast<u32>(all >> (8 * (s & 7))) & 255;
    if (s & 8) byte = byte & 128 ? 255 : 0;
    r |= byte << (8 * i);
  }
  return r;
}

template <class T>
void integers(Adder add, const std::string& type) {
  using U = std::make_unsigned_t<T>;
  constexpr Kind kind = Kind::integer;
  add.two<[](T a, T b) { return static_cast<T>(U(a) + U(b)); }, T, T, T>("add" + type, kind);
  add.two<[](T a, T b) { return static_cast<T>(U(a) - U(b)); }, T, T, T>("sub" + type, kind);
  constexpr auto low = [](T a, T b) { return static_cast<T>(static_cast<u64>(a) * static_cast<u64>(b)); };
  add.two<low, T, T, T>("mul.lo" + type, kind);
  add.three<[](T a, T b, T c) {
    return static_cast<T>(static_cast<u64>(a) * static_cast<u64>(b) + static_cast<u64>(c));
  },
            T, T, T, T>("mad.lo" + type, kind);
  add.two<[](T a, T b) {
    constexpr bool is_signed = std::is_signed_v<T>;
    using Wide = std::conditional_t<sizeof(T) == 8, std::conditional_t<is_signed, Signed128, Unsigned128>,
                                    std::conditional_t<is_signed, s64, u64>>;
    return static_cast<T>(static_cast<Wide>(a) * static_cast<Wide>(b) >> (8 * sizeof(T)));
  },
          T, T, T>("mul.hi" + type, kind);
  // Division by zero gives all ones; the smallest number by -1 wraps.
  add.two<[](T a, T b) {
    if (b == 0) return static_cast<T>(-1);
    if (std::is_signed_v<T> && b == static_cast<T>(-1)) return static_cast<T>(U(0) - U(a));
    return static_cast<T>(a / b);
  },
          T, T, T>("div" + type, kind);
  add.two<[](T a, T b) {
    if (b == 0) return a;
    if (std::is_signed_v<T> && b == static_cast<T>(-1)) return T{0};
    return static_cast<T>(a % b);
  },
          T, T, T>("rem" + type, kind);
  add.two<[](T a, T b) { return a < b ? a : b; }, T, T, T>("min" + type, kind);
  add.two<[](T a, T b) { return b < a ? a : b; }, T, T, T>("max" + type, kind);
  add.two<[](T a, u32 b) {
    constexpr u32 bits = 8 * sizeof(T);
    if (b >= bits) return static_cast<T>(std::is_signed_v<T> && a < 0 ? -1 : 0);
    return static_cast<T>((a >> b));
  },
          T, T, u32>("shr" + type, kind);
  add.one<[](T a) { return static_cast<T>(U(0) - U(a)); }, T, T>("neg" + type, kind);
  if constexpr (std::is_signed_v<T>)
    add.one<[](T a) { return a < 0 ? static_cast<T>(U(0) - U(a)) : a; }, T, T>("abs" + type, kind);
}

template <class T>
void bit_patterns(Adder add, const std::string& type) {
  constexpr Kind kind = Kind::integer;
  add.two<[](T a, T b) { return static_cast<T>(a & b); }, T, T, T>("and" + type, kind);
  add.two<[](T a, T b) { return static_cast<T>(a | b); }, T, T, T>("or" + type, kind);
  add.two<[](T a, T b) { return static_cast<T>(a ^ b); }, T, T, T>("xor" + type, kind);
  add.one<[](T a) { return static_cast<T>(~a); }, T, T>("not" + type, kind);
  add.two<[](T a, u32 b) { return b >= 8 * sizeof(T) ? T{0} : static_cast<T>(a << b); }, T, T, u32>(
      "shl" + type, kind);
  add.two<[](T a, u32 b) { return b >= 8 * sizeof(T) ? T{0} : static_cast<T>((a >> b)); }, T, T, u32>(
      "shr" + type, kind);
}

template <class D, class S>
void wide(Adder add, const std::string& type) {
  add.two<[](S a, S b) { return static_cast<D>(static_cast<D>(a) * static_cast<D>(b)); }, D, S, S>(
      "mul.wide" + type, Kind::integer);
  add.three<[](S a, S b, D c) { return static_cast<D>(static_cast<D>(a) * static_cast<D>(b) + c); }, D, S, S,
            D>("mad.wide" + type, Kind::integer);
}

}  // namespace

void add_integers(Table& table) {
  Adder add{table};
  integers<u16>(add, ".u16"), integers<s16>(add, ".s16");
  integers<u32>(add, ".u32"), integers<s32>(add, ".s32");
  integers<u64>(add, ".u64"), integers<s64>(add, ".s64");
  bit_patterns<u16>(add, ".b16"), bit_patterns<u32>(add, ".b32"), bit_patterns<u64>(add, ".b64");
  wide<u32, u16>(add, ".u16"), wide<s32, s16>(add, ".s16");
  wide<u64, u32>(add, ".u32"), wide<s64, s32>(add, ".s32");
  constexpr Kind kind = Kind::integer;
  add.three<permute, u32, u32, u32, u32>("prmt.b32", kind);
  add.one<[](u32 a) { return static_cast<u32>(std::popcount(a)); }, u32, u32>("popc.b32", kind);
  add.one<[](u32 a) { return static_cast<u32>(std::countl_zero(a)); }, u32, u32>("clz.b32", kind);
  add.one<[](u64 a) { return static_cast<u32>(std::popcount(a)); }, u32, u64>("popc.b64", kind);
  add.one<[](u64 a) { return static_cast<u32>(std::countl_zero(a)); }, u32, u64>("clz.b64", kind);
  add.three<[](u32 a, u32 b, u32 c) { return static_cast<u32>(pair(a, b) >> std::min(c, 32u)); }, u32, u32,
            u32, u32>("shf.r.clamp.b32", kind);
  add.three<[](u32 a, u32 b, u32 c) { return static_cast<u32>(pair(a, b) >> (c & 31)); }, u32, u32, u32, u32>(
      "shf.r.wrap.b32", kind);
  add.three<[](u32 a, u32 b, u32 c) { return static_cast<u32>(pair(a, b) << std::min(c, 32u) >> 32); }, u32,
            u32, u32, u32>("shf.l.clamp.b32", kind);
  add.three<[](u32 a, u32 b, u32 c) { return static_cast<u32>(pair(a, b) << (c & 31) >> 32); }, u32, u32, u32,
            u32>("shf.l.wrap.b32", kind);
  add.three<bit_extract<u32>, u32, u32, u32, u32>("bfe.u32", kind);
  add.three<bit_extract<s32>, s32, s32, u32, u32>("bfe.s32", kind);
  add.three<bit_extract<u64>, u64, u64, u32, u32>("bfe.u64", kind);
  add.three<bit_extract<s64>, s64, s64, u32, u32>("bfe.s64", kind);
  table["bfi.b32"] = {bit_insert<u32>, kind, 4, {4, 4, 4, 4}};
  table["bfi.b64"] = {bit_insert<u64>, kind, 8, {8, 8, 4, 4}};
}

}  // namespace xr::software_gpu
