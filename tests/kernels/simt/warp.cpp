// Warp functions against their definition in the PTX ISA (shfl.sync, vote.sync, match.sync, redux.sync).
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdint>
#include <limits>
#include <vector>

#include "tests/kernels/simt/orders.h"

namespace xr::tests {

namespace {

using kernels::simt::launch;

enum class Shuffle { index, exclusive_or, down, up };

template <class T>
__global__ void shuffle(Shuffle kind, T* values, int argument, int width) {
  T& value = values[threadIdx.x];
  const auto delta = static_cast<unsigned>(argument);
  switch (kind) {
    case Shuffle::index:
      value = __shfl_sync(~0U, value, argument, width);
      break;
    case Shuffle::exclusive_or:
      value = __shfl_xor_sync(~0U, value, argument, width);
      break;
    case Shuffle::down:
      value = __shfl_down_sync(~0U, value, delta, width);
      break;
    case Shuffle::up:
      value = __shfl_up_sync(~0U, value, delta, width);
      break;
  }
}

// The lane that `lane` reads from.
int source(Shuffle kind, int lane, int argument, int width) {
  const int first = lane / width * width, last = first + width - 1;
  int from = lane;
  switch (kind) {
    case Shuffle::index:
      return first + argument % width;
    case Shuffle::exclusive_or:
      from = lane ^ argument;
      return from > last ? lane : from;
    case Shuffle::down:
      from = lane + argument;
      return from > last ? lane : from;
    case Shuffle::up:
      from = lane - argument;
      return from < first ? lane : from;
  }
  return lane;
}

template <class T>
void check_shuffles(int width_step) {
  for (const Shuffle kind : {Shuffle::index, Shuffle::exclusive_or, Shuffle::down, Shuffle::up}) {
    for (int width = 1; width <= 32; width *= width_step) {
      for (const int argument : {0, 1, 2, 3, 5, 8, 15, 16, 31}) {
        std::vector<T> values(64);
        for (int i = 0; i < 64; ++i) values[static_cast<std::size_t>(i)] = static_cast<T>(i * 1.5 + 1);
        const std::vector<T> before = values;
        launch(shuffle<T>, 1, 64, 0, nullptr, kind, values.data(), argument, width);
        CAPTURE(static_cast<int>(kind), width, argument);
        for (int i = 0; i < 64; ++i) {
          const int from = i / 32 * 32 + source(kind, i % 32, argument, width);
          REQUIRE(values[static_cast<unsigned>(i)] == before[static_cast<unsigned>(from)]);
        }
      }
    }
  }
}

struct Votes {
  unsigned ballot;
  int any, all;
};

__global__ void vote(Votes* out, const int* predicates) {
  const int p = predicates[threadIdx.x];
  out[threadIdx.x] = {__ballot_sync(~0U, p), __any_sync(~0U, p), __all_sync(~0U, p)};
}

template <class T>
__global__ void match(unsigned* out, const T* values) {
  out[threadIdx.x] = __match_any_sync(~0U, values[threadIdx.x]);
}

template <class T>
__global__ void reduce(T* out, const T* values) {
  const T value = values[threadIdx.x];
  out[3 * threadIdx.x] = __reduce_add_sync(~0U, value);
  out[3 * threadIdx.x + 1] = __reduce_min_sync(~0U, value);
  out[3 * threadIdx.x + 2] = __reduce_max_sync(~0U, value);
}

template <class T>
void check_reductions(const std::vector<T>& values) {
  const auto n = static_cast<unsigned>(values.size());
  std::vector<T> out(3 * n);
  launch(reduce<T>, 1, n, 0, nullptr, out.data(), values.data());
  unsigned sum = 0;
  for (const T value : values) sum += static_cast<unsigned>(value);
  for (unsigned i = 0; i < n; ++i) {
    CHECK(out[3 * i] == static_cast<T>(sum));
    CHECK(out[3 * i + 1] == *std::min_element(values.begin(), values.end()));
    CHECK(out[3 * i + 2] == *std::max_element(values.begin(), values.end()));
  }
}

// Both halves of a warp work for themselves: one adds, the other takes the maximum.
__global__ void halves(int* values) {
  const unsigned lane = threadIdx.x % 32;
  int value = values[threadIdx.x];
  if (lane < 16) {
    for (int step = 8; step > 0; step /= 2) value += __shfl_xor_sync(0x0000FFFFU, value, step, 16);
  } else {
    for (int step = 8; step > 0; step /= 2) value = max(value, __shfl_xor_sync(0xFFFF0000U, value, step, 16));
  }
  __syncwarp();
  values[threadIdx.x] = value;
}

// The odd lanes meet three times on their own while the even ones wait for all.
__global__ void branch_and_meet(unsigned* out) {
  unsigned met = 0;
  if (threadIdx.x % 2 == 1)
    for (int i = 0; i < 3; ++i) met += static_cast<unsigned>(__popc(__ballot_sync(0xAAAAAAAAU, 1)));
  out[threadIdx.x] = met + __ballot_sync(~0U, static_cast<int>(threadIdx.x % 4 == 1));
}

// Lane 0 meets lane 2 and then lane 1, which may have come first.
__global__ void meet_one_after_the_other(int* out) {
  const int own = 10 * static_cast<int>(threadIdx.x + 1);
  int other = 0;
  if (threadIdx.x != 1) other += __shfl_xor_sync(0b101U, own, 2);
  if (threadIdx.x != 2) other += __shfl_xor_sync(0b011U, own + other, 1);
  out[threadIdx.x] = other;
}

__global__ void exchange_through_shared(int* values) {
  __shared__ int shared[64];
  const unsigned t = threadIdx.x;
  for (int round = 0; round < 5; ++round) {
    shared[t] = values[t];
    __syncwarp();
    values[t] = shared[t ^ 1U] + 1;
    __syncwarp();
  }
}

__global__ void block_sum(float* out, const float* in, unsigned n) {
  __shared__ float parts[32];
  const unsigned t = threadIdx.x, warp = t / 32, lane = t % 32;
  float value = t < n ? in[t] : 0.0F;
#pragma unroll
  for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(~0U, value, step);
  if (lane == 0) parts[warp] = value;
  __syncthreads();
  if (warp == 0) {
    value = lane < blockDim.x / 32 ? parts[lane] : 0.0F;
    for (unsigned step = 16; step > 0; step /= 2) value += __shfl_down_sync(~0U, value, step);
    if (lane == 0) *out = value;
  }
}

}  // namespace

TEST_CASE("simt shuffles read the lanes that PTX says") {
  XR_EVERY_ORDER();
  check_shuffles<int>(2);
  check_shuffles<float>(4);
  check_shuffles<unsigned>(32);
  check_shuffles<double>(4);
  check_shuffles<long long>(32);
  check_shuffles<std::uint64_t>(32);
}

TEST_CASE("simt votes count the predicates that are not zero") {
  XR_EVERY_ORDER();
  for (const unsigned n : {32U, 45U}) {
    for (const unsigned bits : {0U, 1U, 0x80000000U, 0xFFFFFFFFU, 0x00FF1234U}) {
      std::vector<int> predicates(n);
      for (unsigned i = 0; i < n; ++i) predicates[i] = (bits >> i % 32 & 1U) != 0 ? -3 : 0;
      std::vector<Votes> votes(n);
      launch(vote, 1, n, 0, nullptr, votes.data(), predicates.data());
      for (unsigned i = 0; i < n; ++i) {
        const unsigned live = i < 32 ? ~0U : (1U << (n - 32)) - 1;
        REQUIRE(votes[i].ballot == (bits & live));
        REQUIRE((votes[i].any != 0) == ((bits & live) != 0));
        REQUIRE((votes[i].all != 0) == ((bits & live) == live));
      }
    }
  }
}

TEST_CASE("simt match finds the lanes with the same value") {
  XR_EVERY_ORDER();
  std::vector<int> values(32);
  std::vector<double> doubles(32);
  for (unsigned i = 0; i < 32; ++i) values[i] = static_cast<int>(i * i % 7), doubles[i] = values[i] / 3.0;
  std::vector<unsigned> out(32), out_of_doubles(32);
  launch(match<int>, 1, 32, 0, nullptr, out.data(), values.data());
  launch(match<double>, 1, 32, 0, nullptr, out_of_doubles.data(), doubles.data());
  for (unsigned i = 0; i < 32; ++i) {
    unsigned expected = 0;
    for (unsigned j = 0; j < 32; ++j) expected |= static_cast<unsigned>(values[i] == values[j]) << j;
    CHECK(out[i] == expected);
    CHECK(out_of_doubles[i] == expected);
  }
}

TEST_CASE("simt warp reductions of integers") {
  XR_EVERY_ORDER();
  std::vector<int> values(32);
  for (unsigned i = 0; i < 32; ++i) values[i] = static_cast<int>(i * 77 % 64) - 30;
  check_reductions(values);
  values[4] = std::numeric_limits<int>::max();  // the sum wraps
  check_reductions(values);
  check_reductions(std::vector<unsigned>{3, 0xFFFFFFFF, 0, 17});
}

TEST_CASE("simt lanes of disjoint masks meet on their own") {
  XR_EVERY_ORDER();
  std::vector<int> values(64);
  for (int i = 0; i < 64; ++i) values[static_cast<std::size_t>(i)] = i;
  launch(halves, 1, 64, 0, nullptr, values.data());
  for (int i = 0; i < 64; ++i)
    CHECK(values[static_cast<std::size_t>(i)] == (i % 32 < 16 ? 120 + 16 * (i / 32 * 32) : i / 32 * 32 + 31));
  std::vector<unsigned> met(32);
  launch(branch_and_meet, 1, 32, 0, nullptr, met.data());
  for (unsigned i = 0; i < 32; ++i) CHECK(met[i] == 0x22222222U + (i % 2 == 1 ? 48 : 0));
}

TEST_CASE("simt a lane waits for one that still waits for another") {
  XR_EVERY_ORDER();
  std::vector<int> out(3);
  launch(meet_one_after_the_other, 1, 3, 0, nullptr, out.data());
  CHECK(out == std::vector<int>{30 + 20, 10 + 30, 10});
}

TEST_CASE("simt syncwarp orders what lanes write to shared memory") {
  XR_EVERY_ORDER();
  std::vector<int> values(64);
  for (int i = 0; i < 64; ++i) values[static_cast<std::size_t>(i)] = i;
  launch(exchange_through_shared, 1, 64, 0, nullptr, values.data());
  for (int i = 0; i < 64; ++i) CHECK(values[static_cast<std::size_t>(i)] == (i ^ 1) + 5);
}

TEST_CASE("simt sum over a block with warps that do different things") {
  XR_EVERY_ORDER();
  for (const unsigned threads : {32U, 96U, 1024U}) {
    std::vector<float> in(threads);
    float sum = 0, result = -1;
    for (unsigned i = 0; i + 5 < threads; ++i) sum += in[i] = static_cast<float>(i % 17) - 8;
    launch(block_sum, 1, threads, 0, nullptr, &result, in.data(), threads - 5);
    CHECK(result == sum);
  }
}

}  // namespace xr::tests
