// Floating-point instructions against their definitions in the PTX ISA, "Floating Point Instructions", and comparisons.
#include <cfenv>

#include "tests/kernels/software_gpu/ptx.h"

namespace xr::tests {

namespace {

/// As the host's processor rounds in a direction.
template <class F>
auto in_direction(int direction, F&& f) {
  const int before = std::fegetround();
  std::fesetround(direction);
  const auto result = f();
  std::fesetround(before);
  return result;
}

float fused(int direction, float x, float y, float z) {
  volatile float a = x, b = y, c = z;  // not folded by the compiler, which rounds to the nearest
  return in_direction(direction, [&] {
    volatile float result = std::fma(a, b, c);
    return static_cast<float>(result);
  });
}

template <class T>
void check_floats() {
  const std::string type = "." + type_name<T>(), nearest = ".rn" + type;
  with_pairs(edge_values<T>(), edge_values<T>(), [&](const std::vector<T>& a, const std::vector<T>& b) {
    check<T>(
        "add" + type, [](T x, T y) { return x + y; }, a, b);
    check<T>(
        "add" + nearest, [](T x, T y) { return x + y; }, a, b);
    check<T>(
        "sub" + type, [](T x, T y) { return x - y; }, a, b);
    check<T>(
        "mul" + nearest, [](T x, T y) { return x * y; }, a, b);
    check<T>(
        "div" + nearest, [](T x, T y) { return x / y; }, a, b);
    // The number where the other is NaN; -0 is below +0.
    const auto below = [](T x, T y) { return x < y || (x == y && std::signbit(x) && !std::signbit(y)); };
    check<T>(
        "min" + type, [&](T x, T y) { return std::isnan(x)   ? y
                                             : std::isnan(y) ? x
                                             : below(y, x)   ? y
                                                             : x; },
        a, b);
    check<T>(
        "max" + type, [&](T x, T y) { return std::isnan(x)   ? y
                                             : std::isnan(y) ? x
                                             : below(x, y)   ? y
                                                             : x; },
        a, b);
    check<T>(
        "copysign" + type, [](T x, T y) { return std::copysign(y, x); }, a, b);
    std::vector<T> c = b;
    std::rotate(c.begin(), c.begin() + 7, c.end());
    check<T>(
        "fma" + nearest, [](T x, T y, T z) { return std::fma(x, y, z); }, a, b, c);
  });
  const std::vector<T> all = edge_values<T>();
  check<T>(
      "neg" + type, [](T x) { return -x; }, all);
  check<T>(
      "abs" + type, [](T x) { return std::fabs(x); }, all);
  check<T>(
      "sqrt" + nearest, [](T x) { return std::sqrt(x); }, all);
  check<T>(
      "rcp" + nearest, [](T x) { return 1 / x; }, all);
}

/// The instruction within a number of units in the last place of its definition, in double.
template <class F>
void check_close(const std::string& instruction, double ulps, F&& definition,
                 const std::vector<float>& values) {
  const std::vector<float> results = run_instruction<float>(instruction, values);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double exact = definition(static_cast<double>(values[i]));
    const auto nearest = static_cast<float>(exact);
    INFO(instruction << " of " << values[i] << " is " << results[i] << ", defined as " << exact);
    if (!std::isfinite(nearest)) {
      CHECK(same(results[i], nearest));
      continue;
    }
    const float step =
        std::nextafter(std::fabs(nearest), std::numeric_limits<float>::infinity()) - std::fabs(nearest);
    CHECK(std::fabs(results[i] - exact) <= ulps * static_cast<double>(step));
  }
}

}  // namespace

TEST_CASE("floating-point arithmetic") {
  check_floats<float>();
  check_floats<double>();
}

TEST_CASE("fma in every direction") {
  // Ties, cancellation and tiny terms, where the directions differ.
  std::vector<float> a, b, c;
  for (const float x : edge_values<float>())
    for (const float y : {1.0f, -1.0f, 1.0000001f, 0.5f, 3.0f, 1e-20f, -1e20f})
      for (const float z : {0.0f, -0.0f, 1.0f, -1.0f, 1e-45f, -1e-45f, 12582912.0f, 1e38f, -1e-38f})
        a.push_back(x), b.push_back(y), c.push_back(z);
  for (std::size_t i = 0, count = a.size(); i < count; ++i)  // x y - float(x y): the rounding error itself
    if (std::isfinite(a[i] * b[i])) a.push_back(a[i]), b.push_back(b[i]), c.push_back(-(a[i] * b[i]));
  check<float>(
      "fma.rn.f32", [](float x, float y, float z) { return fused(FE_TONEAREST, x, y, z); }, a, b, c);
  check<float>(
      "fma.rm.f32", [](float x, float y, float z) { return fused(FE_DOWNWARD, x, y, z); }, a, b, c);
  check<float>(
      "fma.rp.f32", [](float x, float y, float z) { return fused(FE_UPWARD, x, y, z); }, a, b, c);
  check<float>(
      "fma.rz.f32", [](float x, float y, float z) { return fused(FE_TOWARDZERO, x, y, z); }, a, b, c);
}

TEST_CASE("addition towards zero") {
  std::vector<float> a, b;
  for (const float x : edge_values<float>())
    for (const float y : {0.0f, -0.0f, 1.0f, -1.0f, 0.1f, 1e-45f, -1e-45f, 12582912.0f, 1e38f, -1e-38f})
      a.push_back(x), b.push_back(y);
  check<float>(
      "add.rz.f32", [](float x, float y) { return fused(FE_TOWARDZERO, x, 1.0f, y); }, a, b);
}

TEST_CASE("approximate functions") {
  std::vector<float> values = edge_values<float>();
  for (int i = -1500; i <= 1500; ++i) values.push_back(static_cast<float>(i) * 0.1f);
  check_close(
      "ex2.approx.f32", 1, [](double x) { return std::exp2(x); }, values);
  check_close(
      "lg2.approx.f32", 1, [](double x) { return std::log2(x); }, values);
  check_close(
      "rsqrt.approx.f32", 1, [](double x) { return 1 / std::sqrt(x); }, values);
  check_close(
      "rcp.approx.f32", 1, [](double x) { return 1 / x; }, values);
  check_close(
      "sqrt.approx.f32", 1, [](double x) { return std::sqrt(x); }, values);
  std::vector<float> angles;
  for (int i = -314; i <= 314; ++i) angles.push_back(static_cast<float>(i) * 0.01f);
  check_close(
      "sin.approx.f32", 1, [](double x) { return std::sin(x); }, angles);
  check_close(
      "cos.approx.f32", 1, [](double x) { return std::cos(x); }, angles);
  with_pairs(edge_values<float>(), edge_values<float>(),
             [&](const std::vector<float>& a, const std::vector<float>& b) {
               check<float>(
                   "div.approx.f32", [](float x, float y) { return x / y; }, a, b);
               check<float>(
                   "div.full.f32", [](float x, float y) { return x / y; }, a, b);
             });
}

// .ftz: subnormal sources and results become zero and keep their sign.
TEST_CASE("subnormal numbers are flushed where the modifier asks for it") {
  const float tiny = std::numeric_limits<float>::denorm_min(), small = std::numeric_limits<float>::min();
  const std::vector<float> values{tiny, -tiny, small, -126.5f, -127.0f, -149.0f, -150.0f, -126.0f, 0.0f};
  const std::vector<float> powers = run_instruction<float>("ex2.approx.ftz.f32", values);
  CHECK(powers == std::vector<float>{1, 1, 1, 0, 0, 0, 0, small, 1});
  CHECK(run_instruction<float>("ex2.approx.f32", values)[5] == tiny);
  const std::vector<float> logarithms = run_instruction<float>("lg2.approx.ftz.f32", values);
  CHECK(logarithms[0] == -std::numeric_limits<float>::infinity());
  CHECK(logarithms[2] == -126);
  CHECK(run_instruction<float>("lg2.approx.f32", values)[0] == -149);
}

namespace {

template <class T, class F>
void check_comparison(const std::string& comparison, F&& definition) {
  with_pairs(all_values<T>(), partner_values<T>(), [&](const std::vector<T>& a, const std::vector<T>& b) {
    const std::string registers = register_of<T>(11) + ", " + register_of<T>(12);
    const std::string type = (comparison == "eq" || comparison == "ne") && std::is_unsigned_v<T>
                                 ? "b" + std::to_string(8 * sizeof(T))
                                 : type_name<T>();
    // %p0: the comparison; p and q of the combined forms with (thread & 1).
    const std::string body = load<T>(1) + load<T>(2) +
                             "\tand.b32 %r4, %r0, 1;\n\tsetp.eq.u32 %p9, %r4, 1;\n\tsetp." + comparison +
                             "." + type + " %p0, " + registers + ";\n\tsetp." + comparison + ".and." + type +
                             " %p1|%p2, " + registers + ", %p9;\n\tsetp." + comparison + ".or." + type +
                             " %p3|%p4, " + registers + ", %p9;\n\tsetp." + comparison + ".xor." + type +
                             " %p5|%p6, " + registers + ", %p9;\n\tmov.u32 %r10, 0;\n" +
                             [] {
                               std::string bits;
                               for (int p = 0; p < 7; ++p)
                                 bits += "\tselp.u32 %r5, " + std::to_string(1 << p) + ", 0, %p" +
                                         std::to_string(p) + ";\n\tor.b32 %r10, %r10, %r5;\n";
                               return bits;
                             }() +
                             address_of<u32>(0) + "\tst.global.u32 [%rd20], %r10;\n";
    const std::size_t threads = (a.size() + 1023) / 1024 * 1024;
    std::vector<T> x = a, y = b;
    x.resize(threads), y.resize(threads);
    DeviceArray<u32> result{std::vector<u32>(threads)};
    const DeviceArray<T> first{x}, second{y};
    run_module(module_of(body), {result.begin(), first.begin(), second.begin()},
               static_cast<u32>(threads / 1024), 1024);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      const bool t = definition(a[i], b[i]), c = (i & 1) != 0;
      const bool expected[] = {t, t && c, !t && c, t || c, !t || c, t != c, !t != c};
      for (int p = 0; p < 7; ++p) wrong += (result.values()[i] >> p & 1) != static_cast<u32>(expected[p]);
    }
    INFO("setp." << comparison << "." << type);
    CHECK(wrong == 0);
  });
}

template <class T>
void check_ordered() {
  check_comparison<T>("eq", [](T x, T y) { return x == y; });
  check_comparison<T>("lt", [](T x, T y) { return x < y; });
  check_comparison<T>("le", [](T x, T y) { return x <= y; });
  check_comparison<T>("gt", [](T x, T y) { return x > y; });
  check_comparison<T>("ge", [](T x, T y) { return x >= y; });
}

}  // namespace

TEST_CASE("comparisons of integers") {
  check_ordered<u16>();
  check_ordered<s16>();
  check_ordered<u32>();
  check_ordered<s32>();
  check_ordered<u64>();
  check_ordered<s64>();
  check_comparison<u32>("ne", [](u32 x, u32 y) { return x != y; });
  check_comparison<u64>("ne", [](u64 x, u64 y) { return x != y; });
  check_comparison<u32>("lo", [](u32 x, u32 y) { return x < y; });
  check_comparison<u32>("ls", [](u32 x, u32 y) { return x <= y; });
  check_comparison<u32>("hi", [](u32 x, u32 y) { return x > y; });
  check_comparison<u32>("hs", [](u32 x, u32 y) { return x >= y; });
}

// With a NaN the plain comparisons are false, ne included, and those that end in u are true.
TEST_CASE("comparisons of floating-point numbers") {
  const auto unordered = [](float x, float y) { return std::isnan(x) || std::isnan(y); };
  check_ordered<float>();
  check_ordered<double>();
  check_comparison<float>("ne", [&](float x, float y) { return !unordered(x, y) && x != y; });
  check_comparison<float>("equ", [&](float x, float y) { return unordered(x, y) || x == y; });
  check_comparison<float>("neu", [&](float x, float y) { return unordered(x, y) || x != y; });
  check_comparison<float>("ltu", [&](float x, float y) { return unordered(x, y) || x < y; });
  check_comparison<float>("leu", [&](float x, float y) { return unordered(x, y) || x <= y; });
  check_comparison<float>("gtu", [&](float x, float y) { return unordered(x, y) || x > y; });
  check_comparison<float>("geu", [&](float x, float y) { return unordered(x, y) || x >= y; });
  check_comparison<float>("num", [&](float x, float y) { return !unordered(x, y); });
  check_comparison<float>("nan", [&](float x, float y) { return unordered(x, y); });
}

}  // namespace xr::tests
