#include "data/phantom/row_math.h"

#include "kernels/common/parallel.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numbers>

namespace xr::data::phantom {

namespace {

// Units in the last place by which the library's result may be beyond the middle of two floats. glibc states
// errors of 0.502 for expf, 0.561 for sinf, 0.52 for powf of results near 1; here with a margin.
constexpr double exp_tolerance = 0.004, pow_tolerance = 0.02, sin_tolerance = 0.065, double_tolerance = 0.001;

constexpr double round_to_integer =
    0x1.8p52;  // added and subtracted; the low bits of the sum are the integer
constexpr double ln2_high = 0x1.62e42fee00000p-1, ln2_low = 0x1.a39ef35793c76p-33;
constexpr double pi_high = 0x1.921fb54442d18p+1, pi_low = 0x1.1a62633145c07p-53;
constexpr int part = 64, lanes = 16;  // numbers worked out at a time; of a vector, or of several

/// Whether a double lies within `tolerance` units in the last place (of a float) of the middle of two floats.
inline bool is_unsure(double value, double tolerance) {
  constexpr std::int64_t below_float = 0x1fffffff, middle = 0x10000000;
  const auto distance = static_cast<std::int64_t>(std::bit_cast<std::uint64_t>(value) & below_float) - middle;
  const auto limit = static_cast<std::int64_t>(tolerance * (middle * 2.0));
  return (distance < limit) & (distance > -limit);
}

/// For |x| < 700.
inline double exp_of(double x) {
  const double shifted = x * std::numbers::log2e + round_to_integer, n = shifted - round_to_integer;
  const double r = (x - n * ln2_high) - n * ln2_low;
  double sum = 1.0 / 362880;
  sum = sum * r + 1.0 / 40320;
  sum = sum * r + 1.0 / 5040;
  sum = sum * r + 1.0 / 720;
  sum = sum * r + 1.0 / 120;
  sum = sum * r + 1.0 / 24;
  sum = sum * r + 1.0 / 6;
  sum = sum * r + 0.5;
  sum = sum * r + 1.0;
  sum = sum * r + 1.0;
  return sum * std::bit_cast<double>((std::bit_cast<std::uint64_t>(shifted) + 1023) << 52);
}

/// Of a positive normal number: 2 artanh((m - 1) / (m + 1)) of the mantissa m from 0.7 to 1.4.
inline double log_of(double x) {
  constexpr std::uint64_t root_half = 0x3fe6a09e667f3bcd, bits_of_2_52 = 0x4330000000000000;
  const auto bits = std::bit_cast<std::uint64_t>(x);
  const std::uint64_t exponent = (bits - root_half) >> 52;  // of 12 bits
  const double m = std::bit_cast<double>(bits - (exponent << 52));
  const double e = std::bit_cast<double>(bits_of_2_52 | ((exponent + 2048) & 4095)) - (0x1p52 + 2048);
  const double s = (m - 1) / (m + 1), s2 = s * s;
  double sum = 1.0 / 15;
  sum = sum * s2 + 1.0 / 13;
  sum = sum * s2 + 1.0 / 11;
  sum = sum * s2 + 1.0 / 9;
  sum = sum * s2 + 1.0 / 7;
  sum = sum * s2 + 1.0 / 5;
  sum = sum * s2 + 1.0 / 3;
  sum = sum * s2 + 1.0;
  return 2 * s * sum + (e * ln2_low + e * ln2_high);
}

/// Of |y| up to pi / 2.
inline double sin_near_zero(double y) {
  const double y2 = y * y;
  double sum = -1.0 / 1307674368000;
  sum = sum * y2 + 1.0 / 6227020800;
  sum = sum * y2 - 1.0 / 39916800;
  sum = sum * y2 + 1.0 / 362880;
  sum = sum * y2 - 1.0 / 5040;
  sum = sum * y2 + 1.0 / 120;
  sum = sum * y2 - 1.0 / 6;
  return y + y * y2 * sum;
}

/// The multiple of pi nearest to x, and what is left; its lowest bit says whether sine and cosine change sign.
struct Reduced {
  double left;
  std::uint64_t sign;  ///< to be combined with the bits of the result
};
inline Reduced reduce(double x) {
  const double shifted = x * std::numbers::inv_pi + round_to_integer, n = shifted - round_to_integer;
  return {(x - n * pi_high) - n * pi_low, std::bit_cast<std::uint64_t>(shifted) << 63};
}

inline double sin_of(double x) {
  const Reduced reduced = reduce(x);
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(sin_near_zero(reduced.left)) ^ reduced.sign);
}

inline double cos_of(double x) {
  const Reduced reduced = reduce(x);
  const double from_zero = (pi_high / 2 - std::abs(reduced.left)) + pi_low / 2;
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(sin_near_zero(from_zero)) ^ reduced.sign);
}

// Each works out `count` numbers, at most `part`, and says which of them are unsure; whether any is.

XR_MULTIVERSION bool exp_part(const float* x, float* result, std::uint8_t* unsure, int count) {
  int any = 0;
  for (int i = 0; i < count; ++i) {
    const double value = exp_of(static_cast<double>(x[i]));
    const bool unknown = is_unsure(value, exp_tolerance), ask = unknown | !(std::abs(x[i]) < 80.0f);
    result[i] = static_cast<float>(value);
    unsure[i] = ask;
    any |= ask;
  }
  return any != 0;
}

XR_MULTIVERSION bool pow_part(const float* x, double exponent, float* result, std::uint8_t* unsure,
                              int count) {
  int any = 0;
  for (int i = 0; i < count; ++i) {
    const double value = exp_of(exponent * log_of(static_cast<double>(x[i])));
    const bool ask = (is_unsure(value, pow_tolerance) | !(x[i] > 1e-3f)) & (x[i] != 0.0f);
    result[i] = x[i] == 0.0f ? 0.0f : static_cast<float>(value);
    unsure[i] = ask;
    any |= ask;
  }
  return any != 0;
}

XR_MULTIVERSION bool sin_part(const float* x, float* result, std::uint8_t* unsure, int count) {
  int any = 0;
  for (int i = 0; i < count; ++i) {
    const double value = sin_of(static_cast<double>(x[i]));
    const bool unknown = is_unsure(value, sin_tolerance), ask = unknown | !(std::abs(x[i]) < 10.0f);
    result[i] = static_cast<float>(value);
    unsure[i] = ask;
    any |= ask;
  }
  return any != 0;
}

inline double first_uniform(const std::uint32_t* words) {
  return (static_cast<double>(words[0]) + 1.0) / 4294967296.0;
}
inline double angle(const std::uint32_t* words) {
  return 2.0 * 3.14159265358979323846 * (static_cast<double>(words[1]) / 4294967296.0);
}

XR_MULTIVERSION bool normal_part(const std::uint32_t* words, float* result, std::uint8_t* unsure, int count) {
  int any = 0;
  for (int i = 0; i < count; ++i) {
    const double value =
        std::sqrt(-2.0 * log_of(first_uniform(words + 2 * i))) * cos_of(angle(words + 2 * i));
    const bool ask = is_unsure(value, double_tolerance);
    result[i] = static_cast<float>(value);
    unsure[i] = ask;
    any |= ask;
  }
  return any != 0;
}

/// Works in parts, the last one filled up, and asks the library where that is unsure.
template <class Value, class Part, class Library>
void by_parts(const Value* x, std::size_t values_each, float* result, int count, const Part& work,
              const Library& library) {
  std::uint8_t unsure[part];
  for (int begin = 0; begin < count; begin += part) {
    const int length = std::min(part, count - begin), filled = (length + lanes - 1) / lanes * lanes;
    const Value* values = x + values_each * static_cast<std::size_t>(begin);
    Value copy[2 * part];
    float filled_result[part];
    if (filled > length) {
      std::fill(std::copy(values, values + values_each * static_cast<std::size_t>(length), copy),
                copy + values_each * static_cast<std::size_t>(filled), Value{1});
      values = copy;
    }
    float* const out = filled > length ? filled_result : result + begin;
    const bool ask = work(values, out, unsure, filled);
    if (filled > length) std::copy(out, out + length, result + begin);
    if (!ask) continue;
    for (int i = 0; i < length; ++i)
      if (unsure[i] != 0) library(begin + i);
  }
}

}  // namespace

void exp_row(const float* x, float* result, int count) {
  by_parts(x, 1, result, count, exp_part, [&](int i) { result[i] = std::exp(x[i]); });
}

void pow_row(const float* x, float exponent, float* result, int count) {
  by_parts(
      x, 1, result, count,
      [&](const float* from, float* to, std::uint8_t* unsure, int length) {
        return pow_part(from, static_cast<double>(exponent), to, unsure, length);
      },
      [&](int i) { result[i] = std::pow(x[i], exponent); });
}

void sin_row(const float* x, float* result, int count) {
  by_parts(x, 1, result, count, sin_part, [&](int i) { result[i] = std::sin(x[i]); });
}

void normal_row(const std::uint32_t* words, float* result, int count) {
  by_parts(words, 2, result, count, normal_part, [&](int i) {
    result[i] = static_cast<float>(std::sqrt(-2.0 * std::log(first_uniform(words + 2 * i))) *
                                   std::cos(angle(words + 2 * i)));
  });
}

}  // namespace xr::data::phantom
