// Barriers and shared memory.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <vector>

#include "tests/kernels/simt/orders.h"

namespace xr::tests {

namespace {

using kernels::simt::launch;

// Prefix sums by doubling (Hillis and Steele): two barriers in each of log2(n) rounds.
__global__ void prefix_sum(int* values) {
  XR_DYNAMIC_SHARED(int, shared);
  const unsigned t = threadIdx.x;
  shared[t] = values[t];
  __syncthreads();
  for (unsigned step = 1; step < blockDim.x; step *= 2) {
    const int other = t >= step ? shared[t - step] : 0;
    __syncthreads();
    shared[t] += other;
    __syncthreads();
  }
  values[t] = shared[t];
}

__global__ void rotate_some(int* out, unsigned n) {
  __shared__ int shared[64];
  const unsigned t = threadIdx.x;
  if (t >= n) return;  // threads that have ended do not hold up a barrier
  shared[t] = static_cast<int>(t);
  __syncthreads();
  out[t] = shared[(t + 1) % n];
}

__global__ void leave_one_by_one(int* rounds) {
  int count = 0;
  for (unsigned left = 0; left < threadIdx.x + 1; ++left, ++count) __syncthreads();
  rounds[threadIdx.x] = count;
}

// More values are alive across each wait than there are registers that calls preserve.
__global__ void keep_values(int* out, const int* in) {
  const int* mine = in + 10 * threadIdx.x;
  const int a = mine[0], b = mine[1], c = mine[2], d = mine[3], e = mine[4], f = mine[5], g = mine[6],
            h = mine[7];
  const double x = mine[8] / 3.0;
  __syncthreads();
  const int sum = a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h;
  __syncwarp();
  out[threadIdx.x] = sum + (a ^ b ^ c ^ d ^ e ^ f ^ g ^ h) + static_cast<int>(3.0 * x + 0.5);
}

__global__ void count_predicates(int* counted, int* some, int* all, int limit, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    const auto t = static_cast<int>(threadIdx.x);
    const int slot = round * static_cast<int>(blockDim.x) + t;
    counted[slot] = __syncthreads_count(t < limit + round ? -7 : 0);
    some[slot] = __syncthreads_or(static_cast<int>(t == limit + round));
    all[slot] = __syncthreads_and(static_cast<int>(t < limit + round));
  }
}

__global__ void count_those_left(int* out, unsigned left) {
  if (threadIdx.x >= left) return;
  out[2 * threadIdx.x] = __syncthreads_and(1);
  out[2 * threadIdx.x + 1] = __syncthreads_count(1);
}

template <int N>
__global__ void read_before_writing(float* out, bool write) {
  __shared__ float fixed[N];
  XR_DYNAMIC_SHARED(float, dynamic);
  const unsigned t = threadIdx.x;
  out[3 * t] = fixed[t];
  out[3 * t + 1] = dynamic[t];
  __shared__ __align__(16) float aligned[N];
  out[3 * t + 2] = aligned[t];
  if (write) fixed[t] = dynamic[t] = aligned[t] = 1;
}

__global__ void read_integers_before_writing(int* out, bool write) {
  __shared__ int fixed[32];
  out[threadIdx.x] = fixed[threadIdx.x];
  if (write) fixed[threadIdx.x] = 1;
}

__global__ void write_and_read(float* out) {
  __shared__ float a[32];
  __shared__ float2 b[32];
  XR_DYNAMIC_SHARED(float, c);
  const unsigned t = threadIdx.x;
  a[t] = 1;
  b[t] = make_float2(2, 3);
  c[t] = 4;
  out[t] = a[t] + b[t].x + b[t].y + c[t];
}

__global__ void address_of_shared(std::uintptr_t* out) {
  XR_DYNAMIC_SHARED(double, dynamic);
  __shared__ __align__(16) char fixed[3];
  out[0] = reinterpret_cast<std::uintptr_t>(dynamic);
  out[1] = reinterpret_cast<std::uintptr_t>(&fixed[0]);
}

}  // namespace

TEST_CASE("simt barriers order the steps of a block") {
  XR_EVERY_ORDER();
  for (const unsigned n : {1U, 31U, 32U, 33U, 100U, 1024U}) {
    std::vector<int> values(n);
    for (unsigned i = 0; i < n; ++i) values[i] = static_cast<int>(i * 7 % 13);
    std::vector<int> expected(n);
    int sum = 0;
    for (unsigned i = 0; i < n; ++i) expected[i] = sum += values[i];
    launch(prefix_sum, 1, n, n * sizeof(int), nullptr, values.data());
    CAPTURE(n);
    CHECK(values == expected);
  }
}

TEST_CASE("simt barriers do not wait for threads that have ended") {
  XR_EVERY_ORDER();
  std::vector<int> out(64, -1);
  launch(rotate_some, 1, 64, 0, nullptr, out.data(), 40U);
  for (int i = 0; i < 64; ++i) CHECK(out[static_cast<std::size_t>(i)] == (i < 40 ? (i + 1) % 40 : -1));
  std::vector<int> rounds(50);
  launch(leave_one_by_one, 1, 50, 0, nullptr, rounds.data());
  for (int i = 0; i < 50; ++i) CHECK(rounds[static_cast<std::size_t>(i)] == i + 1);
}

TEST_CASE("simt threads keep their values while they wait") {
  XR_EVERY_ORDER();
  std::vector<int> in(640), out(64);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<int>(i * 37 % 1001);
  launch(keep_values, 1, 64, 0, nullptr, out.data(), in.data());
  for (std::size_t t = 0; t < 64; ++t) {
    int expected = in[10 * t + 8], bits = 0;
    for (std::size_t i = 0; i < 8; ++i) {
      expected += static_cast<int>(i + 1) * in[10 * t + i];
      bits ^= in[10 * t + i];
    }
    CHECK(out[t] == expected + bits);
  }
}

TEST_CASE("simt barriers with a predicate combine it over the block") {
  XR_EVERY_ORDER();
  constexpr int threads = 70, rounds = 3;
  for (const int limit : {-1, 0, 5, 67, 70, 71}) {
    std::vector<int> counted(threads * rounds), some(threads * rounds), all(threads * rounds);
    launch(count_predicates, 1, threads, 0, nullptr, counted.data(), some.data(), all.data(), limit, rounds);
    for (int round = 0; round < rounds; ++round) {
      const int end = limit + round;
      CAPTURE(limit, round);
      for (std::size_t t = 0; t < threads; ++t) {
        const std::size_t slot = static_cast<std::size_t>(round) * threads + t;
        REQUIRE(counted[slot] == std::max(0, std::min(end, threads)));
        REQUIRE((some[slot] != 0) == (end >= 0 && end < threads));
        REQUIRE((all[slot] != 0) == (end >= threads));
      }
    }
  }
}

TEST_CASE("simt barriers with a predicate leave out threads that have ended") {
  XR_EVERY_ORDER();
  std::vector<int> out(2 * 40);
  launch(count_those_left, 1, 70, 0, nullptr, out.data(), 40U);
  for (std::size_t i = 0; i < 40; ++i) {
    CHECK(out[2 * i] != 0);
    CHECK(out[2 * i + 1] == 40);
  }
}

TEST_CASE("simt shared memory that was not written reads as NaN in every block") {
  XR_EVERY_ORDER();
  const auto check = [](auto* kernel) {
    for (const bool write : {true, false}) {
      std::vector<float> out(96, 0.0F);
      launch(kernel, 3, 32, 128, nullptr, out.data(), write);
      int numbers = 0;
      for (const float value : out) numbers += static_cast<int>(!std::isnan(value));
      CHECK(numbers == 0);
    }
  };
  check(read_before_writing<32>);
  check(read_before_writing<40>);
  std::vector<int> integers(32);
  launch(read_integers_before_writing, 2, 32, 0, nullptr, integers.data(), true);
  CHECK(integers == std::vector<int>(32, -1));
}

TEST_CASE("simt shared memory holds what was written") {
  XR_EVERY_ORDER();
  std::vector<float> out(32);
  launch(write_and_read, 2, 32, 128, nullptr, out.data());
  CHECK(out == std::vector<float>(32, 10.0F));
  std::uintptr_t addresses[2] = {1, 1};
  launch(address_of_shared, 1, 1, 8, nullptr, addresses);
  CHECK(addresses[0] % 128 == 0);
  CHECK(addresses[1] % 16 == 0);
}

}  // namespace xr::tests
