#include "kernels/simt/mma.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "kernels/common/error.h"
#include "kernels/simt/config.h"

namespace xr::kernels::simt {

namespace {

struct MmaInput {
  std::uint32_t a[4], b[2];
  float c[4];
};
struct MmaOutput {
  float d[4];
};

/// What a float holds of the sum, which is rounded to the nearest or cut off.
float rounded(double sum, MmaSum how) {
  const auto nearest = static_cast<float>(sum);
  if (how == MmaSum::nearest || !(std::abs(static_cast<double>(nearest)) > std::abs(sum))) return nearest;
  return std::nextafter(nearest, 0.0f);
}

/// The terms, each cut to 26 bits below the exponent of the largest.
template <std::size_t Count>
double aligned_sum(const std::array<double, Count>& terms) {
  double largest = 0, plain = 0;
  for (const double term : terms) {
    largest = std::max(largest, std::abs(term));
    plain += term;
  }
  if (largest == 0 || !std::isfinite(plain)) return plain;
  const double unit = std::ldexp(1.0, std::ilogb(largest) - 26);
  double sum = 0;
  for (const double term : terms) sum += std::trunc(term / unit);
  return sum * unit;
}

// d = a b + c of a whole warp from dense operands. Products are exact in double, and their sums all but exact.
template <int K>
void multiply(const double (&a)[16][K], const double (&b)[K][8], const MmaInput* const* in,
              MmaOutput* const* out) {
  const MmaSum how = config().mma_sum;
  double c[16][8];
  float d[16][8];
  const auto for_each_element = [](auto f) {
    for (int lane = 0; lane < 32; ++lane)
      for (int i = 0; i < 4; ++i) f(lane, i, lane / 4 + 8 * (i / 2), 2 * (lane % 4) + i % 2);
  };
  for_each_element(
      [&](int lane, int i, int row, int column) { c[row][column] = static_cast<double>(in[lane]->c[i]); });
  for (int row = 0; row < 16; ++row) {
    if (how == MmaSum::aligned) {
      for (int column = 0; column < 8; ++column) {
        std::array<double, K + 1> terms{c[row][column]};
        for (int k = 0; k < K; ++k) terms[static_cast<std::size_t>(k) + 1] = a[row][k] * b[k][column];
        c[row][column] = aligned_sum(terms);
      }
    } else {
      for (int k = 0; k < K; ++k)
        for (int column = 0; column < 8; ++column) c[row][column] += a[row][k] * b[k][column];
    }
    for (int column = 0; column < 8; ++column) d[row][column] = rounded(c[row][column], how);
  }
  for_each_element([&](int lane, int i, int row, int column) { out[lane]->d[i] = d[row][column]; });
}

double value_of(std::uint32_t bits) {
  return static_cast<double>(std::bit_cast<float>(bits));
}
double tf32(std::uint32_t bits) {
  return value_of(bits & 0xFFFFE000U);
}
double low_bf16(std::uint32_t bits) {
  return value_of(bits << 16);
}
double high_bf16(std::uint32_t bits) {
  return value_of(bits & 0xFFFF0000U);
}

void combine_tf32(const MmaInput* const* in, MmaOutput* const* out) {
  double a[16][8], b[8][8];
  for (int lane = 0; lane < 32; ++lane) {
    const int group = lane / 4, thread = lane % 4;
    for (int i = 0; i < 4; ++i) a[group + 8 * (i % 2)][thread + 4 * (i / 2)] = tf32(in[lane]->a[i]);
    for (int i = 0; i < 2; ++i) b[thread + 4 * i][group] = tf32(in[lane]->b[i]);
  }
  multiply(a, b, in, out);
}

void combine_bf16(const MmaInput* const* in, MmaOutput* const* out) {
  double a[16][16], b[16][8];
  for (int lane = 0; lane < 32; ++lane) {
    const int group = lane / 4, thread = lane % 4;
    for (int i = 0; i < 4; ++i) {
      a[group + 8 * (i % 2)][2 * thread + 8 * (i / 2)] = low_bf16(in[lane]->a[i]);
      a[group + 8 * (i % 2)][2 * thread + 8 * (i / 2) + 1] = high_bf16(in[lane]->a[i]);
    }
    for (int i = 0; i < 2; ++i) {
      b[2 * thread + 8 * i][group] = low_bf16(in[lane]->b[i]);
      b[2 * thread + 8 * i + 1][group] = high_bf16(in[lane]->b[i]);
    }
  }
  multiply(a, b, in, out);
}

template <class F>
void mma(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2], const float (&c)[4], F,
         const detail::Site& site) {
  MmaInput input;
  std::copy_n(a, 4, input.a);
  std::copy_n(b, 2, input.b);
  std::copy_n(c, 4, input.c);
  const auto output = detail::collective<MmaOutput>(
      ~0U, input,
      [](unsigned, const MmaInput* const* in, MmaOutput* const* out, const detail::Site&) { F{}(in, out); },
      site, false, true);
  std::copy_n(output.d, 4, d);
}

struct Row {
  std::uint16_t element[8];
};
template <int Count>
struct Registers {
  std::uint32_t r[Count];
};

template <int Count, bool Transposed>
void ldmatrix(std::uint32_t (&r)[Count], const void* row, const detail::Site& site) {
  Row mine{};
  if (detail::lane() < 8 * Count) {
    if (reinterpret_cast<std::uintptr_t>(row) % 16 != 0)
      detail::fail(site, fmt::format("the address {} of a row is not a multiple of 16", row));
    std::memcpy(&mine, row, sizeof(mine));
  }
  const auto result = detail::collective<Registers<Count>>(
      ~0U, mine,
      [](unsigned, const Row* const* in, Registers<Count>* const* out, const detail::Site&) {
        for (int lane = 0; lane < 32; ++lane) {
          for (int matrix = 0; matrix < Count; ++matrix) {
            const Row* const* rows = in + 8 * matrix;
            const int i = lane / 4, j = 2 * (lane % 4);
            const std::uint32_t low = Transposed ? rows[j]->element[i] : rows[i]->element[j];
            const std::uint32_t high = Transposed ? rows[j + 1]->element[i] : rows[i]->element[j + 1];
            out[lane]->r[matrix] = low | high << 16;
          }
        }
      },
      site, false, true);
  std::copy_n(result.r, Count, r);
}

}  // namespace

std::uint32_t to_tf32(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) return bits | 0x00400000U;
  if (std::isinf(value)) return bits;
  return (bits + 0x1000U) & 0xFFFFE000U;  // the magnitude grows: away from zero
}

void mma_m16n8k8_tf32(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                      const float (&c)[4], const char* file, int line) {
  mma(d, a, b, c, [](auto in, auto out) { combine_tf32(in, out); }, {"mma_m16n8k8_tf32", file, line});
}
void mma_m16n8k16_bf16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
                       const float (&c)[4], const char* file, int line) {
  mma(d, a, b, c, [](auto in, auto out) { combine_bf16(in, out); }, {"mma_m16n8k16_bf16", file, line});
}
void ldmatrix_x4(std::uint32_t (&r)[4], const void* row, const char* file, int line) {
  ldmatrix<4, false>(r, row, {"ldmatrix_x4", file, line});
}
void ldmatrix_x4_trans(std::uint32_t (&r)[4], const void* row, const char* file, int line) {
  ldmatrix<4, true>(r, row, {"ldmatrix_x4_trans", file, line});
}
void ldmatrix_x2(std::uint32_t (&r)[2], const void* row, const char* file, int line) {
  ldmatrix<2, false>(r, row, {"ldmatrix_x2", file, line});
}
void ldmatrix_x2_trans(std::uint32_t (&r)[2], const void* row, const char* file, int line) {
  ldmatrix<2, true>(r, row, {"ldmatrix_x2_trans", file, line});
}

}  // namespace xr::kernels::simt
