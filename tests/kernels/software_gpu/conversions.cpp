// cvt between every two types, against "Data Movement and Conversion Instructions: cvt" of the PTX ISA.
#include <cfenv>

#include "tests/kernels/software_gpu/ptx.h"

namespace xr::tests {

namespace {

__extension__ using Int128 = __int128;

/// What cvt does with integers: the low bits, or with .sat the nearest number that the type has.
template <class D, class S>
void check_integers() {
  const std::string types = "." + type_name<D>() + "." + type_name<S>();
  check<D>(
      "cvt" + types, [](S x) { return static_cast<D>(static_cast<Int128>(x)); }, all_values<S>());
  check<D>(
      "cvt.sat" + types,
      [](S x) {
        const Int128 low = std::numeric_limits<D>::min(), high = std::numeric_limits<D>::max();
        return static_cast<D>(std::clamp<Int128>(x, low, high));
      },
      all_values<S>());
}

/// Floats to integers: rounded, clamped; NaN becomes 0, or the highest bit where 64 bits are concerned.
template <class D, class S>
void check_to_integer() {
  const std::string types = "." + type_name<D>() + "." + type_name<S>();
  const auto clamp = [](S rounded) {
    if (std::isnan(rounded))
      return sizeof(S) == 8 || sizeof(D) == 8 ? static_cast<D>(u64{1} << (8 * sizeof(D) - 1)) : D{0};
    const auto exact = static_cast<long double>(rounded);  // which has all numbers of both
    if (exact <= static_cast<long double>(std::numeric_limits<D>::min()))
      return std::numeric_limits<D>::min();
    if (exact >= static_cast<long double>(std::numeric_limits<D>::max()))
      return std::numeric_limits<D>::max();
    return static_cast<D>(exact);
  };
  const std::vector<S> values = edge_values<S>();
  check<D>(
      "cvt.rzi" + types, [&](S x) { return clamp(std::trunc(x)); }, values);
  check<D>(
      "cvt.rmi" + types, [&](S x) { return clamp(std::floor(x)); }, values);
  check<D>(
      "cvt.rpi" + types, [&](S x) { return clamp(std::ceil(x)); }, values);
  const auto to_even = [](S x) {
    const S below = std::floor(x), rest = x - below;
    if (!std::isfinite(x) || rest == 0) return x;
    return rest < S(0.5) || (rest == S(0.5) && std::fmod(below, S(2)) == 0) ? below : below + 1;
  };
  check<D>(
      "cvt.rni" + types, [&](S x) { return clamp(to_even(x)); }, values);
}

template <class D, class S>
void check_to_float() {
  check<D>(
      "cvt.rn." + type_name<D>() + "." + type_name<S>(), [](S x) { return static_cast<D>(x); },
      all_values<S>());
}

template <class S>
void check_from() {
  check_integers<u16, S>();
  check_integers<s16, S>();
  check_integers<u32, S>();
  check_integers<s32, S>();
  check_integers<u64, S>();
  check_integers<s64, S>();
  check_to_float<float, S>();
  check_to_float<double, S>();
}

template <class S>
void check_from_float() {
  check_to_integer<u16, S>();
  check_to_integer<s16, S>();
  check_to_integer<u32, S>();
  check_to_integer<s32, S>();
  check_to_integer<u64, S>();
  check_to_integer<s64, S>();
}

}  // namespace

TEST_CASE("conversions of integers") {
  check_from<u16>();
  check_from<s16>();
  check_from<u32>();
  check_from<s32>();
  check_from<u64>();
  check_from<s64>();
}

TEST_CASE("conversions from floating-point numbers to integers") {
  check_from_float<float>();
  check_from_float<double>();
}

// Narrow numbers fill their register: cvt.s8 extends the sign.
TEST_CASE("conversions of 8 bits") {
  std::vector<s32> all(65536);
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<s32>(i) - 32768;
  check<s32>(
      "cvt.s8.s32", [](s32 x) { return static_cast<s32>(static_cast<s8>(x)); }, all);
  check<s32>(
      "cvt.u8.s32", [](s32 x) { return static_cast<s32>(static_cast<u8>(x)); }, all);
  check<s32>(
      "cvt.s32.s8", [](s32 x) { return static_cast<s32>(static_cast<s8>(x)); }, all);
  check<s32>(
      "cvt.u32.u8", [](s32 x) { return static_cast<s32>(static_cast<u8>(x)); }, all);
  check<s32>(
      "cvt.sat.u8.s32", [](s32 x) { return std::clamp(x, 0, 255); }, all);
  check<s32>(
      "cvt.sat.s8.s32", [](s32 x) { return std::clamp(x, -128, 127); }, all);
  check<float>(
      "cvt.rn.f32.u8", [](s32 x) { return static_cast<float>(static_cast<u8>(x)); }, all);
}

TEST_CASE("conversions of floating-point numbers") {
  const std::vector<float> values = edge_values<float>();
  check<double>(
      "cvt.f64.f32", [](float x) { return static_cast<double>(x); }, values);
  check<float>(
      "cvt.rn.f32.f64", [](double x) { return static_cast<float>(x); }, edge_values<double>());
  check<float>(
      "cvt.rzi.f32.f32", [](float x) { return std::trunc(x); }, values);
  check<float>(
      "cvt.rmi.f32.f32", [](float x) { return std::floor(x); }, values);
  check<float>(
      "cvt.rpi.f32.f32", [](float x) { return std::ceil(x); }, values);
  check<float>(
      "cvt.rni.f32.f32", [](float x) { return std::nearbyint(x); }, values);
  check<float>(
      "cvt.sat.f32.f32", [](float x) { return x > 0 ? std::min(x, 1.0f) : 0.0f; }, values);  // NaN becomes +0
}

// A number of bf16 is the upper half of a float's bits.
TEST_CASE("conversions of every number in bf16") {
  std::vector<u16> all(65536);
  std::vector<float> wide;
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i] = static_cast<u16>(i);
    for (const u32 low : {0u, 1u, 0x7fffu, 0x8000u, 0x8001u, 0xffffu})
      wide.push_back(std::bit_cast<float>(static_cast<u32>(i) << 16 | low));
  }
  check<float>(
      "cvt.f32.bf16", [](u16 x) { return std::bit_cast<float>(u32{x} << 16); }, all);
  // To the nearest; of two equally near the even one. NaN becomes 0x7fff.
  const auto nearest = [](float x) -> u16 {
    if (std::isnan(x)) return 0x7fff;
    const u32 bits = std::bit_cast<u32>(x), below = bits >> 16, rest = bits & 0xffff;
    return static_cast<u16>(rest > 0x8000 || (rest == 0x8000 && (below & 1) != 0) ? below + 1 : below);
  };
  check<u16>("cvt.rn.bf16.f32", nearest, wide);
  std::vector<float> other = wide;
  std::reverse(other.begin(), other.end());
  check<u32>(
      "cvt.rn.bf16x2.f32", [&](float high, float low) { return u32{nearest(high)} << 16 | nearest(low); },
      wide, other);
}

// To the nearest of 10 bits after the point; of two equally near the one further from zero.
TEST_CASE("conversion to TF32") {
  std::vector<float> values;
  for (u32 high = 0; high < (1u << 19); high += 37)
    for (const u32 low : {0u, 1u, 0xfffu, 0x1000u, 0x1001u, 0x1fffu})
      values.push_back(std::bit_cast<float>(high << 13 | low));
  const auto definition = [](float x) -> u32 {
    const u32 bits = std::bit_cast<u32>(x);
    if (std::isinf(x)) return bits;
    return ((bits >> 13) + ((bits & 0x1fff) >= 0x1000 ? 1 : 0)) << 13;
  };
  std::erase_if(values, [](float x) { return std::isnan(x); });
  check<u32>("cvt.rna.tf32.f32", definition, values);
  const u32 nan = run_instruction<u32>("cvt.rna.tf32.f32", std::vector<float>{std::nanf("")})[0];
  CHECK(std::isnan(std::bit_cast<float>(nan & ~0x1fffu)));
}

}  // namespace xr::tests
