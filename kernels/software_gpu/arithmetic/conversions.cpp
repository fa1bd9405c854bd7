#include <cmath>
#include <limits>
#include <utility>

#include "kernels/software_gpu/arithmetic/lanes.h"

namespace xr::software_gpu {

namespace {

/// Float to integer: out of range becomes the nearest end, NaN zero, or the top bit from or to 64 bits.
template <class D, class S, int Mode>
D to_integer(S x) {
  if (std::isnan(x))
    return sizeof(S) == 4 && sizeof(D) < 8 ? D{0} : static_cast<D>(u64{1} << (8 * sizeof(D) - 1));
  const S r = Mode == 0   ? std::trunc(x)
              : Mode == 1 ? std::nearbyint(x)
              : Mode == 2 ? std::floor(x)
                          : std::ceil(x);
  constexpr S high = static_cast<S>(std::numeric_limits<D>::max()),
              low = static_cast<S>(std::numeric_limits<D>::min());
  if (r >= high) return std::numeric_limits<D>::max();
  if (r <= low) return std::numeric_limits<D>::min();
  return static_cast<D>(r);
}

u32 bf16_bits(float x) {
  const u32 b = std::bit_cast<u32>(x);
  if (std::isnan(x)) return 0x7fff;
  return (b + 0x7fff + (b >> 16 & 1)) >> 16;
}

u32 tf32_bits(float x) {
  const u32 b = std::bit_cast<u32>(x);
  if (std::isnan(x)) return 0x7fffffff;
  if (std::isinf(x)) return b;
  return (b + 0x1000) & ~0x1fffu;
}

float saturate(float x) {
  return std::isnan(x) ? 0.0f : x <= 0 ? 0.0f : x >= 1 ? 1.0f : x;
}

/// Conversions between every two types.
template <class D, class S>
void conversion(Adder add, const std::string& d, const std::string& s) {
  const std::string types = d + s;
  constexpr Kind kind = Kind::conversion;
  if constexpr (std::is_integral_v<D> && std::is_integral_v<S>) {
    add.one<[](S a) { return static_cast<D>(a); }, D, S>("cvt" + types, kind);
    add.one<[](S a) {
      if (std::cmp_greater(a, std::numeric_limits<D>::max())) return std::numeric_limits<D>::max();
      if (std::cmp_less(a, std::numeric_limits<D>::min())) return std::numeric_limits<D>::min();
      return static_cast<D>(a);
    },
            D, S>("cvt.sat" + types, kind);
  } else if constexpr (std::is_integral_v<D>) {
    add.one<to_integer<D, S, 0>, D, S>("cvt.rzi" + types, kind);
    add.one<to_integer<D, S, 1>, D, S>("cvt.rni" + types, kind);
    add.one<to_integer<D, S, 2>, D, S>("cvt.rmi" + types, kind);
    add.one<to_integer<D, S, 3>, D, S>("cvt.rpi" + types, kind);
  } else {
    add.one<[](S a) { return static_cast<D>(a); }, D, S>("cvt" + types, kind);
    if constexpr (std::is_same_v<D, S>) {
      add.one<[](S a) { return std::trunc(a); }, D, S>("cvt.rzi" + types, kind);
      add.one<[](S a) { return std::nearbyint(a); }, D, S>("cvt.rni" + types, kind);
      add.one<[](S a) { return std::floor(a); }, D, S>("cvt.rmi" + types, kind);
      add.one<[](S a) { return std::ceil(a); }, D, S>("cvt.rpi" + types, kind);
    }
  }
}

template <class D>
void conversions_to(Adder add, const std::string& d) {
  conversion<D, u8>(add, d, ".u8"), conversion<D, s8>(add, d, ".s8");
  conversion<D, u16>(add, d, ".u16"), conversion<D, s16>(add, d, ".s16");
  conversion<D, u32>(add, d, ".u32"), conversion<D, s32>(add, d, ".s32");
  conversion<D, u64>(add, d, ".u64"), conversion<D, s64>(add, d, ".s64");
  conversion<D, float>(add, d, ".f32"), conversion<D, double>(add, d, ".f64");
}

}  // namespace

void add_conversions(Table& table) {
  Adder add{table};
  conversions_to<u8>(add, ".u8"), conversions_to<s8>(add, ".s8");
  conversions_to<u16>(add, ".u16"), conversions_to<s16>(add, ".s16");
  conversions_to<u32>(add, ".u32"), conversions_to<s32>(add, ".s32");
  conversions_to<u64>(add, ".u64"), conversions_to<s64>(add, ".s64");
  conversions_to<float>(add, ".f32"), conversions_to<double>(add, ".f64");
  constexpr Kind kind = Kind::conversion;
  add.one<saturate, float, float>("cvt.sat.f32.f32", kind);
  add.one<tf32_bits, u32, float>("cvt.rna.tf32.f32", kind);
  add.one<[](float x) { return static_cast<u16>(bf16_bits(x)); }, u16, float>("cvt.bf16.f32", kind);
  add.two<[](float high, float low) { return bf16_bits(high) << 16 | bf16_bits(low); }, u32, float, float>(
      "cvt.bf16x2.f32", kind);
  add.one<[](u16 x) { return std::bit_cast<float>(static_cast<u32>(x) << 16); }, float, u16>("cvt.f32.bf16",
                                                                                             kind);
}

}  // namespace xr::software_gpu
