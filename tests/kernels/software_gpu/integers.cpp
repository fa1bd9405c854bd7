// Integer instructions against their definitions in the PTX ISA, "Integer Arithmetic Instructions" and "Logic and Shift
// Instructions".
#include "tests/kernels/software_gpu/ptx.h"

namespace xr::tests {

namespace {

__extension__ using Int128 = __int128;

/// The low bits of an exact result.
template <class T>
T wrap(Int128 exact) {
  return static_cast<T>(exact);
}

template <class T>
void check_arithmetic() {
  const std::string type = "." + type_name<T>();
  const Int128 bits = 8 * sizeof(T);
  with_pairs(all_values<T>(), partner_values<T>(), [&](const std::vector<T>& a, const std::vector<T>& b) {
    check<T>(
        "add" + type, [](T x, T y) { return wrap<T>(Int128{x} + y); }, a, b);
    check<T>(
        "sub" + type, [](T x, T y) { return wrap<T>(Int128{x} - y); }, a, b);
    check<T>(
        "mul.lo" + type, [](T x, T y) { return static_cast<T>(static_cast<u64>(x) * static_cast<u64>(y)); },
        a, b);
    if constexpr (!std::is_same_v<T, u64>)  // whose products fill 128 bits without a sign
      check<T>(
          "mul.hi" + type, [&](T x, T y) { return wrap<T>((Int128{x} * y) >> bits); }, a, b);
    check<T>(
        "min" + type, [](T x, T y) { return x <= y ? x : y; }, a, b);
    check<T>(
        "max" + type, [](T x, T y) { return x >= y ? x : y; }, a, b);
    // A quotient by zero is not defined: GPUs give all ones, and the dividend as the remainder.
    check<T>(
        "div" + type, [](T x, T y) { return y == 0 ? static_cast<T>(-1) : wrap<T>(Int128{x} / y); }, a, b);
    check<T>(
        "rem" + type, [](T x, T y) { return y == 0 ? x : wrap<T>(Int128{x} % y); }, a, b);
    std::vector<T> c = b;
    std::reverse(c.begin(), c.end());
    check<T>(
        "mad.lo" + type,
        [](T x, T y, T z) {
          return static_cast<T>(static_cast<u64>(x) * static_cast<u64>(y) + static_cast<u64>(z));
        },
        a, b, c);
  });
  if constexpr (std::is_signed_v<T>) {
    check<T>(
        "neg" + type, [](T x) { return wrap<T>(-Int128{x}); }, all_values<T>());
    check<T>(
        "abs" + type, [](T x) { return wrap<T>(x < 0 ? -Int128{x} : Int128{x}); }, all_values<T>());
  }
}

template <class D, class S>
void check_wide() {
  with_pairs(all_values<S>(), partner_values<S>(), [&](const std::vector<S>& a, const std::vector<S>& b) {
    check<D>(
        "mul.wide." + type_name<S>(), [](S x, S y) { return static_cast<D>(D{x} * D{y}); }, a, b);
    std::vector<D> c(a.size());
    for (std::size_t i = 0; i < c.size(); ++i) c[i] = static_cast<D>(u64{0x9e3779b97f4a7c15} * (i + 1));
    check<D>(
        "mad.wide." + type_name<S>(),
        [](S x, S y, D z) { return static_cast<D>(static_cast<u64>(D{x} * D{y}) + static_cast<u64>(z)); }, a,
        b, c);
  });
}

template <class T>
void check_bits() {
  const std::string type = ".b" + std::to_string(8 * sizeof(T));
  constexpr u32 bits = 8 * sizeof(T);
  with_pairs(all_values<T>(), partner_values<T>(), [&](const std::vector<T>& a, const std::vector<T>& b) {
    check<T>(
        "and" + type, [](T x, T y) { return static_cast<T>(x & y); }, a, b);
    check<T>(
        "or" + type, [](T x, T y) { return static_cast<T>(x | y); }, a, b);
    check<T>(
        "xor" + type, [](T x, T y) { return static_cast<T>(x ^ y); }, a, b);
  });
  check<T>(
      "not" + type, [](T x) { return static_cast<T>(~x); }, all_values<T>());
  using Signed = std::make_signed_t<T>;
  // "Shift amounts greater than the register width N are clamped to N."
  const std::vector<u32> amounts{0,  1,  2,  7,  8,  15,  16,  17,          31,
                                 32, 33, 63, 64, 65, 255, 256, 0x80000000u, 0xffffffffu};
  with_pairs(all_values<T>(), amounts, [&](const std::vector<T>& a, const std::vector<u32>& n) {
    check<T>(
        "shl" + type, [](T x, u32 by) { return by >= bits ? T{0} : static_cast<T>(u64{x} << by); }, a, n);
    check<T>(
        "shr" + type, [](T x, u32 by) { return by >= bits ? T{0} : static_cast<T>(u64{x} >> by); }, a, n);
  });
  with_pairs(all_values<Signed>(), amounts, [&](const std::vector<Signed>& a, const std::vector<u32>& n) {
    check<Signed>(
        "shr." + type_name<Signed>(),
        [](Signed x, u32 by) { return static_cast<Signed>(s64{x} >> std::min(by, bits - 1)); }, a, n);
  });
}

}  // namespace

TEST_CASE("integer arithmetic") {
  check_arithmetic<u16>();
  check_arithmetic<s16>();
  check_arithmetic<u32>();
  check_arithmetic<s32>();
  check_arithmetic<u64>();
  check_arithmetic<s64>();
  with_pairs(edge_values<u64>(), edge_values<u64>(),
             [&](const std::vector<u64>& a, const std::vector<u64>& b) {
               // By halves of 32 bits.
               const auto high = [](u64 x, u64 y) {
                 const u64 low = (x & 0xffffffff) * (y & 0xffffffff),
                           one = (x >> 32) * (y & 0xffffffff) + (low >> 32);
                 const u64 two = (x & 0xffffffff) * (y >> 32) + (one & 0xffffffff);
                 return (x >> 32) * (y >> 32) + (one >> 32) + (two >> 32);
               };
               check<u64>("mul.hi.u64", high, a, b);
             });
}

TEST_CASE("products of twice the width") {
  check_wide<u32, u16>();
  check_wide<s32, s16>();
  check_wide<u64, u32>();
  check_wide<s64, s32>();
}

TEST_CASE("bits and shifts") {
  check_bits<u16>();
  check_bits<u32>();
  check_bits<u64>();
}

TEST_CASE("counting bits") {
  const auto count = [](u64 x) {
    u32 n = 0;
    for (; x != 0; x >>= 1) n += x & 1;
    return n;
  };
  const auto leading = [](u64 x, int bits) {
    u32 n = 0;
    for (int i = bits - 1; i >= 0 && (x >> i & 1) == 0; --i) ++n;
    return n;
  };
  check<u32>(
      "popc.b32", [&](u32 x) { return count(x); }, edge_values<u32>());
  check<u32>(
      "popc.b64", [&](u64 x) { return count(x); }, edge_values<u64>());
  check<u32>(
      "clz.b32", [&](u32 x) { return leading(x, 32); }, edge_values<u32>());
  check<u32>(
      "clz.b64", [&](u64 x) { return leading(x, 64); }, edge_values<u64>());
}

TEST_CASE("bits inserted, bytes permuted, funnel shifts") {
  std::vector<u32> a, b, c;
  u32 state = 12345;
  for (u32 i = 0; i < 65536; ++i) {
    state = state * 1664525 + 1013904223;
    a.push_back(state);
    b.push_back(state * 2654435761u);
    c.push_back(i);  // every selector of prmt, every amount of a shift
  }
  check<u32>(
      "prmt.b32",
      [](u32 x, u32 y, u32 selector) {
        u8 bytes[8], result[4];
        std::memcpy(bytes, &x, 4);
        std::memcpy(bytes + 4, &y, 4);
        for (int i = 0; i < 4; ++i) {
          const u32 nibble = selector >> (4 * i) & 15;
          result[i] = bytes[nibble & 7];
          if (nibble & 8) result[i] = result[i] & 0x80 ? 0xff : 0;
        }
        u32 all;
        std::memcpy(&all, result, 4);
        return all;
      },
      a, b, c);
  const auto shifted = [](u32 low, u32 high, u32 by) { return (u64{high} << 32 | low) >> by; };
  const auto shifted_left = [](u32 low, u32 high, u32 by) {
    return static_cast<u32>(by == 0 ? high : by == 32 ? low : (high << by) | (low >> (32 - by)));
  };
  check<u32>(
      "shf.r.wrap.b32", [&](u32 x, u32 y, u32 n) { return static_cast<u32>(shifted(x, y, n & 31)); }, a, b,
      c);
  check<u32>(
      "shf.r.clamp.b32",
      [&](u32 x, u32 y, u32 n) { return static_cast<u32>(shifted(x, y, std::min(n, 32u))); }, a, b, c);
  check<u32>(
      "shf.l.wrap.b32", [&](u32 x, u32 y, u32 n) { return shifted_left(x, y, n & 31); }, a, b, c);
  check<u32>(
      "shf.l.clamp.b32", [&](u32 x, u32 y, u32 n) { return shifted_left(x, y, std::min(n, 32u)); }, a, b, c);
  // bfi: the length is the high byte of c, the position the low one.
  for (const char* type : {"b32", "b64"}) {
    const bool wide = type[1] == '6';
    const u32 msb = wide ? 63 : 31;
    const auto definition = [&](u64 x, u64 y, u32 n) {
      const u32 position = n & 255, length = n >> 8 & 255;
      u64 result = y;
      for (u32 i = 0; i < length && position + i <= msb; ++i) {
        const u64 bit = u64{1} << (position + i);
        result = (result & ~bit) | ((x >> i & 1) != 0 ? bit : 0);
      }
      return result;
    };
    const std::string r = wide ? "%rd" : "%r";
    const std::string body =
        load<u64>(1) + load<u64>(2) + load<u32>(3) + "\tcvt.u32.u64 %r11, %rd11;\n" +
        "\tcvt.u32.u64 %r12, %rd12;\n\tand.b32 %r14, %r13, 255;\n\tshr.u32 %r15, %r13, 8;\n\tbfi." + type +
        " " + r + "10, " + r + "11, " + r + "12, %r14, %r15;\n" +
        (wide ? "" : "\tcvt.u64.u32 %rd10, %r10;\n") + address_of<u64>(0) +
        "\tst.global.u64 [%rd20], %rd10;\n";
    std::vector<u64> x(a.begin(), a.end()), y(b.begin(), b.end());
    if (wide)
      for (std::size_t i = 0; i < x.size(); ++i) x[i] *= 0x9e3779b97f4a7c15, y[i] *= 0xbf58476d1ce4e5b9;
    DeviceArray<u64> result{std::vector<u64>(a.size())}, from{x}, into{y};
    DeviceArray<u32> fields{c};
    run_module(module_of(body), {result.begin(), from.begin(), into.begin(), fields.begin()}, 64, 1024);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < x.size(); ++i) wrong += result.values()[i] != definition(x[i], y[i], c[i]);
    INFO(type);
    CHECK(wrong == 0);
  }
  // bfe, as bfi: the field's place is in c. Of a signed number the sign is the field's last bit, or the number's.
  for (const char* type : {"u32", "s32", "u64", "s64"}) {
    const bool wide = type[1] == '6', is_signed = type[0] == 's';
    const u32 msb = wide ? 63 : 31;
    const auto definition = [&](u64 x, u32 n) {
      const u32 position = n & 255, length = n >> 8 & 255;
      const u64 sign = is_signed && length != 0 ? x >> std::min(position + length - 1, msb) & 1 : 0;
      u64 result = 0;
      for (u32 bit = 0; bit <= msb; ++bit)
        result |= (bit < length && position + bit <= msb ? x >> (position + bit) & 1 : sign) << bit;
      return result;
    };
    const std::string r = wide ? "%rd" : "%r";
    const std::string body = load<u64>(1) + load<u32>(2) + "\tcvt.u32.u64 %r11, %rd11;\n" +
                             "\tand.b32 %r14, %r12, 255;\n\tshr.u32 %r15, %r12, 8;\n\tbfe." + type + " " + r +
                             "10, " + r + "11, %r14, %r15;\n" + (wide ? "" : "\tcvt.u64.u32 %rd10, %r10;\n") +
                             address_of<u64>(0) + "\tst.global.u64 [%rd20], %rd10;\n";
    std::vector<u64> x(a.begin(), a.end());
    if (wide)
      for (u64& value : x) value *= 0x9e3779b97f4a7c15;
    DeviceArray<u64> result{std::vector<u64>(a.size())}, from{x};
    DeviceArray<u32> fields{c};
    run_module(module_of(body), {result.begin(), from.begin(), fields.begin()}, 64, 1024);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < x.size(); ++i)
      wrong += result.values()[i] != definition(wide ? x[i] : x[i] & 0xffffffff, c[i]);
    INFO(type);
    CHECK(wrong == 0);
  }
}

}  // namespace xr::tests
