// Tensor core operations against products in float64; matrices are dealt out to registers here by the
// formulas of the PTX ISA, "Matrix Fragments for mma.m16n8k8" and "... mma.m16n8k16".
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "tests/kernels/simt/orders.h"

namespace xr::tests {

namespace {

using kernels::simt::launch;
using kernels::simt::to_tf32;

struct Fragments {
  std::uint32_t a[4], b[2];
  float c[4], d[4];
};

__global__ void multiply_tf32(Fragments* fragments) {
  Fragments& f = fragments[threadIdx.x];
  kernels::simt::mma_m16n8k8_tf32(f.d, f.a, f.b, f.c);
}
__global__ void multiply_bf16(Fragments* fragments) {
  Fragments& f = fragments[threadIdx.x];
  kernels::simt::mma_m16n8k16_bf16(f.d, f.a, f.b, f.c);
}

struct Matrix {
  int rows, columns;
  std::vector<double> values;
  double& at(int row, int column) { return values[static_cast<unsigned>(row * columns + column)]; }
};

Matrix random_matrix(int rows, int columns, std::mt19937& generator, std::uint32_t kept_bits) {
  Matrix m{rows, columns, std::vector<double>(static_cast<std::size_t>(rows * columns))};
  std::uniform_real_distribution<float> uniform(-2, 2);
  for (double& value : m.values)
    value = std::bit_cast<float>(std::bit_cast<std::uint32_t>(uniform(generator)) & kept_bits);
  return m;
}

std::uint32_t bits(double value) {
  return std::bit_cast<std::uint32_t>(static_cast<float>(value));
}
std::uint32_t pair(double low, double high) {
  return bits(low) >> 16 | (bits(high) & 0xFFFF0000U);
}

// d against a b + c: float sums of k + 1 terms.
void check_product(const std::vector<Fragments>& fragments, Matrix& a, Matrix& b, Matrix& c) {
  for (int lane = 0; lane < 32; ++lane) {
    const int group = lane >> 2, thread = lane % 4;
    for (int i = 0; i < 4; ++i) {
      const int row = i < 2 ? group : group + 8, column = thread * 2 + (i & 1);
      double sum = c.at(row, column), magnitude = std::abs(sum);
      for (int k = 0; k < a.columns; ++k) {
        sum += a.at(row, k) * b.at(k, column);
        magnitude += std::abs(a.at(row, k) * b.at(k, column));
      }
      const double error = std::abs(fragments[static_cast<std::size_t>(lane)].d[i] - sum);
      CAPTURE(row, column, sum);
      REQUIRE(error <= magnitude * 1e-6);
    }
  }
}

template <class F>
void for_each_accumulator(F f) {
  for (int lane = 0; lane < 32; ++lane)
    for (int i = 0; i < 4; ++i)
      f(static_cast<std::size_t>(lane), i, i < 2 ? lane >> 2 : (lane >> 2) + 8, lane % 4 * 2 + (i & 1));
}

struct LoadResult {
  std::uint32_t x4[4], x4_trans[4], x2[2], x2_trans[2];
};

__global__ void load_matrices(const std::uint16_t* in, LoadResult* out) {
  XR_DYNAMIC_SHARED(std::uint16_t, shared);
  const unsigned t = threadIdx.x;
  for (unsigned i = t; i < 256; i += blockDim.x) shared[i] = in[i];
  __syncthreads();
  const std::uint16_t* row = shared + 8 * t;
  kernels::simt::ldmatrix_x4(out[t].x4, row);
  kernels::simt::ldmatrix_x4_trans(out[t].x4_trans, row);
  const std::uint16_t* row_of_two = t < 16 ? row : nullptr;  // of no interest
  kernels::simt::ldmatrix_x2(out[t].x2, row_of_two);
  kernels::simt::ldmatrix_x2_trans(out[t].x2_trans, row_of_two);
}

}  // namespace

TEST_CASE("simt mma of tf32 is the product of the matrices") {
  XR_EVERY_ORDER();
  std::mt19937 generator(7);
  for (int round = 0; round < 5; ++round) {
    Matrix a = random_matrix(16, 8, generator, 0xFFFFE000U), b = random_matrix(8, 8, generator, 0xFFFFE000U),
           c = random_matrix(16, 8, generator, ~0U);
    std::vector<Fragments> fragments(32);
    for (int lane = 0; lane < 32; ++lane) {
      Fragments& f = fragments[static_cast<std::size_t>(lane)];
      const int group = lane >> 2, thread = lane % 4;
      for (int i = 0; i < 4; ++i) {
        const int row = i == 0 || i == 2 ? group : group + 8, column = i < 2 ? thread : thread + 4;
        f.a[i] = bits(a.at(row, column)) | generator() % 0x2000;  // the low 13 bits are ignored
      }
      for (int i = 0; i < 2; ++i) f.b[i] = bits(b.at(thread + 4 * i, group)) | generator() % 0x2000;
    }
    for_each_accumulator([&](std::size_t lane, int i, int row, int column) {
      fragments[lane].c[i] = static_cast<float>(c.at(row, column));
    });
    launch(multiply_tf32, 1, 32, 0, nullptr, fragments.data());
    check_product(fragments, a, b, c);
  }
}

TEST_CASE("simt mma rounds its sums as it is told to") {
  using kernels::simt::MmaSum;
  struct Case {
    float product;  // added to 1
    float nearest, toward_zero, aligned;
  };
  constexpr float above = 1 + 0x1p-23f, below = 1 - 0x1p-24f;
  const std::vector<Case> cases{{0x1.8p-24f, above, 1, 1},
                                {0x1p-23f, above, above, above},
                                {-0x1p-26f, 1, below, below},
                                {-0x1p-27f, 1, below, 1},
                                {0, 1, 1, 1},
                                {INFINITY, INFINITY, INFINITY, INFINITY}};
  const kernels::simt::Config before = kernels::simt::config();
  for (const MmaSum how : {MmaSum::nearest, MmaSum::toward_zero, MmaSum::aligned})
    for (const Case& one : cases)
      for (const float sign : {1.0f, -1.0f}) {
        kernels::simt::Config config = before;
        config.mma_sum = how;
        set_config(config);
        std::vector<Fragments> fragments(32);
        for (Fragments& f : fragments) {
          f = {};
          for (float& c : f.c) c = sign;
        }
        for (std::size_t lane = 0; lane < 32; lane += 4) {  // column 0 of a, row 0 of b
          fragments[lane].a[0] = fragments[lane].a[1] = bits(sign);
          fragments[lane].b[0] = bits(one.product);
        }
        launch(multiply_tf32, 1, 32, 0, nullptr, fragments.data());
        const float expected = how == MmaSum::nearest       ? one.nearest
                               : how == MmaSum::toward_zero ? one.toward_zero
                                                            : one.aligned;
        CAPTURE(static_cast<int>(how), one.product, sign);
        for (const Fragments& f : fragments)
          for (const float d : f.d) REQUIRE(d == sign * expected);
      }
  set_config(before);
}

TEST_CASE("simt mma of bf16 is the product of the matrices") {
  XR_EVERY_ORDER();
  std::mt19937 generator(11);
  for (int round = 0; round < 5; ++round) {
    Matrix a = random_matrix(16, 16, generator, 0xFFFF0000U),
           b = random_matrix(16, 8, generator, 0xFFFF0000U), c = random_matrix(16, 8, generator, ~0U);
    std::vector<Fragments> fragments(32);
    for (int lane = 0; lane < 32; ++lane) {
      Fragments& f = fragments[static_cast<std::size_t>(lane)];
      const int group = lane >> 2, thread = lane % 4;
      const auto element_of_a = [&](int i) {
        const int row = (0 <= i && i < 2) || (4 <= i && i < 6) ? group : group + 8;
        return a.at(row, thread * 2 + (i & 1) + (i >= 4 ? 8 : 0));
      };
      const auto element_of_b = [&](int i) { return b.at(thread * 2 + (i & 1) + (i >= 2 ? 8 : 0), group); };
      for (int i = 0; i < 4; ++i) f.a[i] = pair(element_of_a(2 * i), element_of_a(2 * i + 1));
      for (int i = 0; i < 2; ++i) f.b[i] = pair(element_of_b(2 * i), element_of_b(2 * i + 1));
    }
    for_each_accumulator([&](std::size_t lane, int i, int row, int column) {
      fragments[lane].c[i] = static_cast<float>(c.at(row, column));
    });
    launch(multiply_bf16, 1, 32, 0, nullptr, fragments.data());
    check_product(fragments, a, b, c);
  }
}

TEST_CASE("simt mma may accumulate in place and passes NaN on") {
  std::vector<Fragments> fragments(32);
  for (Fragments& f : fragments)
    for (int i = 0; i < 4; ++i) f.a[i] = bits(1.0), f.b[i / 2] = bits(2.0), f.c[i] = 3;
  fragments[0].a[0] = bits(std::nan(""));  // row 0
  launch(multiply_tf32, 1, 32, 0, nullptr, fragments.data());
  for_each_accumulator([&](std::size_t lane, int i, int row, int) {
    if (row == 0)
      CHECK(std::isnan(fragments[lane].d[i]));
    else
      CHECK(fragments[lane].d[i] == 19);
  });
}

TEST_CASE("simt conversion to tf32 rounds to the nearest and halves away from zero") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const auto rounded = [](float value) { return std::bit_cast<float>(to_tf32(value)); };
  CHECK(rounded(1.0F) == 1.0F);
  CHECK(rounded(1.0F + 0x1p-11F) == 1.0F + 0x1p-10F);
  CHECK(rounded(1.0F + 0x1p-11F - 0x1p-23F) == 1.0F);
  CHECK(rounded(1.0F + 3 * 0x1p-11F) == 1.0F + 2 * 0x1p-10F);
  CHECK(rounded(-1.0F - 0x1p-11F) == -1.0F - 0x1p-10F);
  CHECK(rounded(2.0F - 0x1p-23F) == 2.0F);
  CHECK(rounded(std::numeric_limits<float>::max()) == infinity);
  CHECK(rounded(-infinity) == -infinity);
  CHECK(std::isnan(rounded(std::bit_cast<float>(0x7F800001U))));
  CHECK(std::isnan(rounded(std::bit_cast<float>(0xFFFFFFFFU))));
  CHECK(to_tf32(-0.0F) == 0x80000000U);
  std::mt19937 generator(3);
  for (int i = 0; i < 1000; ++i) {
    const float value = std::bit_cast<float>(static_cast<std::uint32_t>(generator()));
    if (!(std::abs(value) < 1e38F) || std::abs(value) < 1e-37F) continue;
    int exponent = 0;
    const double mantissa = std::frexp(static_cast<double>(value), &exponent);
    CHECK(rounded(value) == static_cast<float>(std::ldexp(std::round(mantissa * 2048), exponent - 11)));
  }
}

TEST_CASE("simt packs two floats as bf16 to the nearest with halves to even") {
  const auto packed = [](float low, float high) { return kernels::simt::pack_bf16(low, high); };
  CHECK(packed(1.0F, -2.0F) == 0xC0003F80U);
  CHECK(packed(1.0F + 0x1p-8F, 1.0F + 3 * 0x1p-8F) == 0x3F823F80U);
  CHECK(packed(1.0F + 0x1p-8F + 0x1p-20F, std::numeric_limits<float>::max()) == 0x7F803F81U);
  const std::uint32_t nans = packed(std::bit_cast<float>(0x7F800001U), std::nanf(""));
  CHECK(std::isnan(std::bit_cast<float>(nans << 16)));
  CHECK(std::isnan(std::bit_cast<float>(nans & 0xFFFF0000U)));
}

TEST_CASE("simt ldmatrix deals out 8 by 8 matrices") {
  XR_EVERY_ORDER();
  std::vector<std::uint16_t> in(256);
  for (unsigned i = 0; i < 256; ++i) in[i] = static_cast<std::uint16_t>(i * 257 + 3);
  std::vector<LoadResult> out(32);
  launch(load_matrices, 1, 32, 512, nullptr, in.data(), out.data());
  const auto element = [&](int matrix, int row, int column) -> unsigned {
    return in[static_cast<unsigned>(matrix * 64 + row * 8 + column)];
  };
  for (int lane = 0; lane < 32; ++lane) {
    const LoadResult& r = out[static_cast<std::size_t>(lane)];
    const int row = lane / 4, column = 2 * (lane % 4);
    for (int m = 0; m < 4; ++m) {
      const unsigned plain = element(m, row, column) | element(m, row, column + 1) << 16;
      const unsigned transposed = element(m, column, row) | element(m, column + 1, row) << 16;
      REQUIRE(r.x4[m] == plain);
      REQUIRE(r.x4_trans[m] == transposed);
      if (m >= 2) continue;
      REQUIRE(r.x2[m] == plain);
      REQUIRE(r.x2_trans[m] == transposed);
    }
  }
}

}  // namespace xr::tests
