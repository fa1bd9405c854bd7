// mma.sync. Fragments lie in registers as the PTX ISA draws them.
#include <bit>
#include <cstring>

#include "kernels/software_gpu/block.h"
#include "kernels/software_gpu/handlers.h"
#include "kernels/software_gpu/options.h"

namespace xr::software_gpu {

namespace {

// Vectors of GCC and clang: the columns of one row.
using Doubles = double __attribute__((vector_size(64)));
using Floats = float __attribute__((vector_size(32)));
using Ints = s32 __attribute__((vector_size(32)));
using Longs = s64 __attribute__((vector_size(64)));

/// Sums terms that were cut to so many bits below the exponent of the largest.
template <int K>
Doubles aligned_sum(const Doubles& c, const double (&a)[K], const Doubles (&b)[K]) {
  constexpr s64 no_sign = 0x7fffffffffffffff, exponent = 0x7ff0000000000000, bits = 26;
  const auto magnitude = [&](const Doubles& x) { return std::bit_cast<Longs>(x) & no_sign; };
  Longs largest = magnitude(c);
  for (int k = 0; k < K; ++k) {
    const Longs m = magnitude(a[k] * b[k]);
    largest = m > largest ? m : largest;
  }
  largest &= exponent;
  Doubles plain = c;
  for (int k = 0; k < K; ++k) plain += a[k] * b[k];
  constexpr s64 unit_step = bits << 52;
  const Doubles unit = std::bit_cast<Doubles>(largest - unit_step);
  Longs sum = __builtin_convertvector(c / unit, Longs);
  for (int k = 0; k < K; ++k) sum += __builtin_convertvector(a[k] * b[k] / unit, Longs);
  // Nothing, very little, and what is not finite are as in a plain sum.
  return (largest > unit_step) & (largest < exponent) ? __builtin_convertvector(sum, Doubles) * unit : plain;
}

/// d (16 x 8) = a (16 x K) b (K x 8) + c. Products and their sum are exact enough in double. The columns are in
/// the order of the registers, even ones first: 0 2 4 6 1 3 5 7.
template <int K>
void multiply(Warp& warp, const Instruction& instruction, const double (&a)[16][K], const Doubles (&b)[K]) {
  const bool cut = options().sum != Options::Sum::nearest;
  Floats result[16];
  for (int row = 0; row < 16; ++row) {
    const float* const even = warp.reg<const float>(instruction.sources[6 + row / 8 * 2]) + row % 8 * 4;
    const float* const odd = warp.reg<const float>(instruction.sources[7 + row / 8 * 2]) + row % 8 * 4;
    Doubles sum = __builtin_convertvector(
        (Floats{even[0], even[1], even[2], even[3], odd[0], odd[1], odd[2], odd[3]}), Doubles);
    if (options().sum == Options::Sum::aligned)
      sum = aligned_sum(sum, a[row], b);
    else
      for (int k = 0; k < K; ++k) sum += a[row][k] * b[k];
    result[row] = __builtin_convertvector(sum, Floats);
    if (!cut) continue;
    // Tensor cores cut off what does not fit.
    const Doubles back = __builtin_convertvector(result[row], Doubles);
    constexpr s64 no_sign = 0x7fffffffffffffff;
    const Longs too_large = std::bit_cast<Doubles>(std::bit_cast<Longs>(back) & no_sign) >
                            std::bit_cast<Doubles>(std::bit_cast<Longs>(sum) & no_sign);
    result[row] =
        std::bit_cast<Floats>(std::bit_cast<Ints>(result[row]) + __builtin_convertvector(too_large, Ints));
  }
  for (int row = 0; row < 16; ++row) {
    std::memcpy(warp.reg<float>(instruction.destinations[row / 8 * 2]) + row % 8 * 4, &result[row], 16);
    std::memcpy(warp.reg<float>(instruction.destinations[row / 8 * 2 + 1]) + row % 8 * 4,
                reinterpret_cast<const u8*>(&result[row]) + 16, 16);
  }
}

constexpr int place_of_column(int column) {
  return column / 2 + column % 2 * 4;
}

void mma_tf32(Warp& warp, const Instruction& instruction, u32) {
  double a[16][8];
  Doubles b[8];
  const auto value = [](u32 bits) { return static_cast<double>(std::bit_cast<float>(bits & ~0x1fffu)); };
  for (int i = 0; i < 4; ++i) {
    const u32* const r = warp.reg<const u32>(instruction.sources[i]);
    for (int row = 0; row < 8; ++row)
      for (int k = 0; k < 4; ++k) a[row + 8 * (i % 2)][k + 4 * (i / 2)] = value(r[4 * row + k]);
  }
  for (int i = 0; i < 2; ++i) {
    const u32* const r = warp.reg<const u32>(instruction.sources[4 + i]);
    for (int column = 0; column < 8; ++column)
      for (int k = 0; k < 4; ++k) b[k + 4 * i][place_of_column(column)] = value(r[4 * column + k]);
  }
  multiply(warp, instruction, a, b);
}

void mma_bf16(Warp& warp, const Instruction& instruction, u32) {
  double a[16][16];
  Doubles b[16];
  const auto low = [](u32 bits) { return static_cast<double>(std::bit_cast<float>(bits << 16)); };
  const auto high = [](u32 bits) { return static_cast<double>(std::bit_cast<float>(bits & 0xffff0000u)); };
  for (int i = 0; i < 4; ++i) {
    const u32* const r = warp.reg<const u32>(instruction.sources[i]);
    for (int row = 0; row < 8; ++row) {
      double* const to = a[row + 8 * (i % 2)] + 8 * (i / 2);
      for (int k = 0; k < 4; ++k) to[2 * k] = low(r[4 * row + k]), to[2 * k + 1] = high(r[4 * row + k]);
    }
  }
  for (int i = 0; i < 2; ++i) {
    const u32* const r = warp.reg<const u32>(instruction.sources[4 + i]);
    for (int column = 0; column < 8; ++column)
      for (int k = 0; k < 4; ++k) {
        b[2 * k + 8 * i][place_of_column(column)] = low(r[4 * column + k]);
        b[2 * k + 1 + 8 * i][place_of_column(column)] = high(r[4 * column + k]);
      }
  }
  multiply(warp, instruction, a, b);
}

}  // namespace

Handler mma_handler(std::string_view what) {
  if (what == "m16n8k8.row.col.f32.tf32.tf32.f32") return mma_tf32;
  if (what == "m16n8k16.row.col.f32.bf16.bf16.f32") return mma_bf16;
  return nullptr;
}

}  // namespace xr::software_gpu
