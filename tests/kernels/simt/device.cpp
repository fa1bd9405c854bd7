// CUDA's types, mathematics and atomics, as device.h gives them.
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <type_traits>
#include <vector>

#include "tests/kernels/simt/orders.h"

namespace xr::tests {

namespace {

using kernels::simt::launch;

struct Counters {
  int sum, highest, lowest, last;
  unsigned bits, claimed;
  unsigned long long wide;
};

__global__ void count(Counters* counters, unsigned* order) {
  const int t = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  atomicAdd(&counters->sum, t);
  atomicMax(&counters->highest, t);
  atomicMin(&counters->lowest, t - 5);
  atomicExch(&counters->last, t);
  atomicOr(&counters->bits, 1U << t % 32);
  atomicAdd(&counters->wide, 1ULL << 33);
  unsigned seen = 0;  // a counter made of compare-and-swap
  while (true) {
    const unsigned old = atomicCAS(&counters->claimed, seen, seen + 1);
    if (old == seen) break;
    seen = old;
  }
  order[seen] = static_cast<unsigned>(t);
}

template <class T>
concept HasAtomicAdd = requires(T* address, T value) {
  atomicAdd(address, value);
};

template <class T>
bool is_laid_out(std::size_t size, std::size_t alignment) {
  return sizeof(T) == size && alignof(T) == alignment;
}

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

__global__ __launch_bounds__(32) void compute(float* out) {
  out[0] = rsqrtf(16.0F);
  out[1] = __expf(0.0F) + expf(0.0F) + logf(1.0F);
  out[2] = __fdividef(3.0F, 4.0F);
  out[3] = fmaf(1.0F + 0x1p-12F, 1.0F + 0x1p-12F, -1.0F);
  out[4] = __fmaf_rn(2.0F, 3.0F, 4.0F);
  out[5] = fmaxf(nan, 2.0F) + fminf(-1.0F, nan);
  out[6] = __ldg(out + 4) + __ldcs(out + 4) + __ldca(out + 4);
  __stcs(out + 7, 5);
  out[8] = static_cast<float>(isnan(nan)) + 2 * static_cast<float>(isinf(-infinity));
}

}  // namespace

TEST_CASE("simt vector types have the sizes and alignments of CUDA") {
  CHECK(is_laid_out<float2>(8, 8));
  CHECK(is_laid_out<float3>(12, 4));
  CHECK(is_laid_out<float4>(16, 16));
  CHECK(is_laid_out<int2>(8, 8));
  CHECK(is_laid_out<int4>(16, 16));
  CHECK(is_laid_out<uint2>(8, 8));
  CHECK(is_laid_out<uint4>(16, 16));
  CHECK(is_laid_out<uint3>(12, 4));
  CHECK(is_laid_out<uchar4>(4, 4));
  static_assert(std::is_trivially_copyable_v<float4> && std::is_trivially_copyable_v<dim3>);
  const float4 f = make_float4(1, 2, 3, 4);
  const uint4 u = make_uint4(5, 6, 7, 8);
  CHECK(f.x + f.y + f.z + f.w == 10);
  CHECK(u.x + u.y + u.z + u.w == 26);
  CHECK(make_int2(3, -4).y == -4);
  const dim3 d = 7U;
  CHECK(d.x == 7);
  CHECK(d.y * d.z == 1);
}

TEST_CASE("simt minimum and maximum are those of CUDA") {
  CHECK(max(3, 4U) == 4U);
  static_assert(std::is_same_v<decltype(max(3, 4U)), unsigned>);
  CHECK(max(-1, 4U) == 0xFFFFFFFFU);
  CHECK(min(-3, 4) == -3);
  CHECK(min(5, 4LL) == 4);
  CHECK(min(2.5F, 3.0F) == 2.5F);
  CHECK(max(2.5, 1.0F) == 2.5);
  CHECK(max(nan, 2.0F) == 2.0F);
  CHECK(max(2.0F, nan) == 2.0F);
  CHECK(min(nan, 2.0F) == 2.0F);
  CHECK(min(2.0F, nan) == 2.0F);
  CHECK(std::isnan(max(nan, nan)));
}

TEST_CASE("simt bit operations are those of CUDA") {
  CHECK(__float_as_uint(1.0F) == 0x3F800000U);
  CHECK(__uint_as_float(0xC0000000U) == -2.0F);
  CHECK(__float_as_int(-0.0F) == std::numeric_limits<int>::min());
  CHECK(__int_as_float(0x3F000000) == 0.5F);
  CHECK(__popc(0xF0F0U) == 8);
  CHECK(__clz(0) == 32);
  CHECK(__clz(1) == 31);
  CHECK(__clz(-1) == 0);
  CHECK(__ffs(0) == 0);
  CHECK(__ffs(8) == 4);
  CHECK(__ffs(std::numeric_limits<int>::min()) == 32);
  CHECK(__brev(1U) == 0x80000000U);
  CHECK(__brev(0x12345678U) == 0x1E6A2C48U);
  CHECK(__umulhi(0xFFFFFFFFU, 0xFFFFFFFFU) == 0xFFFFFFFEU);
  CHECK(__mulhi(-1, 2) == -1);
}

TEST_CASE("simt device mathematics") {
  std::vector<float> out(9);
  launch(compute, 1, 1, 0, nullptr, out.data());
  CHECK(out == std::vector<float>{0.25F, 2, 0.75F, 0x1p-11F + 0x1p-24F, 10, 1, 30, 5, 3});
}

TEST_CASE("simt atomics on integers") {
  XR_EVERY_ORDER();
  Counters counters{0, -1, 1000, -1, 0, 0, 0};
  constexpr unsigned blocks = 3, threads = 50, n = blocks * threads;
  std::vector<unsigned> order(n, n);
  launch(count, blocks, threads, 0, nullptr, &counters, order.data());
  CHECK(counters.sum == n * (n - 1) / 2);
  CHECK(counters.highest == n - 1);
  CHECK(counters.lowest == -5);
  CHECK(counters.last == static_cast<int>(order[n - 1]));
  CHECK(counters.bits == ~0U);
  CHECK(counters.claimed == n);
  CHECK(counters.wide == static_cast<unsigned long long>(n) << 33);
  std::vector<int> seen(n);
  for (const unsigned t : order) ++seen.at(t);
  CHECK(seen == std::vector<int>(n, 1));
}

TEST_CASE("simt has no atomic addition of floating-point numbers") {
  CHECK(HasAtomicAdd<int>);
  CHECK(HasAtomicAdd<unsigned>);
  CHECK(HasAtomicAdd<unsigned long long>);
  CHECK_FALSE(HasAtomicAdd<float>);
  CHECK_FALSE(HasAtomicAdd<double>);
}

}  // namespace xr::tests
