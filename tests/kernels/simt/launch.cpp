// Launches: indices, arguments, limits, several callers.
#include <atomic>
#include <catch2/catch.hpp>
#include <cstdint>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/kernels/simt/orders.h"

namespace xr::tests {

namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using kernels::simt::launch;

struct Place {
  uint3 thread, block;
  unsigned rank;
};

__global__ void write_places(Place* places, int* visits) {
  const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  const unsigned i = block * (blockDim.x * blockDim.y * blockDim.z) + thread;
  places[i] = {threadIdx, blockIdx, i};
  ++visits[i];
}

__global__ void write_arguments(double* out, float a, std::int64_t b, const float* c, float2 d) {
  double* mine = out + 4 * threadIdx.x;
  mine[0] = a;
  mine[1] = static_cast<double>(b);
  mine[2] = *c;
  mine[3] = d.x + d.y;
  b = 0;  // each thread has its own
}

__global__ void add_one(int* values) {
  atomicAdd(&values[blockIdx.x * blockDim.x + threadIdx.x], 1);
}

template <int N>
__global__ void add_constant(int* values) {
  values[threadIdx.x] += N;
}

__global__ void throw_one(int* values, unsigned thrower) {
  __syncthreads();
  if (threadIdx.x == thrower) throw std::runtime_error("out of luck");
  __syncthreads();
  values[threadIdx.x] = 1;
}

__global__ void throw_number() {
  throw 3;
}
__global__ void trap_in_thread(unsigned thread) {
  if (threadIdx.x == thread) __trap();
}
__global__ void launch_another(int* values) {
  launch(add_one, 1, 1, 0, nullptr, values);
}
__global__ void nothing() {}

__global__ void reverse_through_shared(int* values) {
  XR_DYNAMIC_SHARED(int, shared);
  shared[threadIdx.x] = values[threadIdx.x];
  __syncthreads();
  values[threadIdx.x] = shared[blockDim.x - 1 - threadIdx.x];
}

// Unwinding a failed block must run the destructors of what its threads hold.
std::atomic<int> alive = 0;
struct Counted {
  Counted() { ++alive; }
  ~Counted() { --alive; }
};
__global__ void hold_and_fail() {
  const Counted counted;
  __syncthreads();
  if (threadIdx.x == 7) __trap();
  __syncthreads();
}

}  // namespace

TEST_CASE("simt launch runs each thread of each block once with its indices") {
  XR_EVERY_ORDER();
  const dim3 grid(3, 2, 4), block(5, 3, 2);
  constexpr unsigned count = 24 * 30;
  std::vector<Place> places(count);
  std::vector<int> visits(count);
  launch(write_places, grid, block, 0, nullptr, places.data(), visits.data());
  for (unsigned i = 0; i < count; ++i) {
    const Place& p = places[i];
    REQUIRE(visits[i] == 1);
    REQUIRE(p.rank == i);
    REQUIRE((p.block.z * 2 + p.block.y) * 3 + p.block.x == i / 30);
    REQUIRE((p.thread.z * 3 + p.thread.y) * 5 + p.thread.x == i % 30);
  }
  CHECK(gridDim.z == 4);
  CHECK(blockDim.y == 3);
  CHECK(warpSize == 32);
}

TEST_CASE("simt launch runs every block of grids of any size in any order") {
  XR_EVERY_ORDER();
  for (const unsigned blocks : {1U, 2U, 3U, 7U, 12U, 64U, 210U, 1009U}) {
    std::vector<int> values(blocks);
    launch(add_one, blocks, 1, 0, nullptr, values.data());
    CAPTURE(blocks);
    CHECK(values == std::vector<int>(blocks, 1));
  }
}

TEST_CASE("simt launch converts arguments to the kernel's parameters") {
  std::vector<double> out(8);
  float number = 2.5F;
  launch(write_arguments, 1, 2, 0, nullptr, out.data(), 7, 1 << 30, &number, make_float2(1, 2));
  CHECK(out == std::vector<double>{7, 1 << 30, 2.5, 3, 7, 1 << 30, 2.5, 3});
}

TEST_CASE("simt launch refuses what a device would refuse") {
  std::vector<int> values(4096);
  const auto error = [&](dim3 grid, dim3 block, std::size_t shared_bytes) {
    return error_of([&] { launch(add_one, grid, block, shared_bytes, nullptr, values.data()); });
  };
  CHECK_THAT(error(0, 32, 0), Contains("add_one") && Contains("0 x 1 x 1 blocks"));
  CHECK_THAT(error({1, 65536, 1}, 32, 0), Contains("1 x 65536 x 1 blocks"));
  CHECK_THAT(error({1, 1, 65536}, 32, 0), Contains("1 x 1 x 65536 blocks"));
  CHECK_THAT(error(0x80000000U, 32, 0), Contains("blocks"));
  CHECK_THAT(error(1, 0, 0), Contains("0 x 1 x 1 threads"));
  CHECK_THAT(error(1, 1025, 0), Contains("1025 x 1 x 1 threads"));
  CHECK_THAT(error(1, {32, 33, 1}, 0), Contains("32 x 33 x 1 threads"));
  CHECK_THAT(error(1, {1, 1, 65}, 0), Contains("1 x 1 x 65 threads"));
  CHECK_THAT(error(1, 32, 227 * 1024 + 1), Contains("232449 bytes of dynamic shared memory"));
  CHECK(values == std::vector<int>(4096));
  CHECK(error(4, {32, 16, 2}, 227 * 1024).empty());
  CHECK(values[1023] == 0);  // 4 blocks of 32 in x
  CHECK(values[127] == 32);
}

TEST_CASE("simt launch reports an exception in a thread and the next launch works") {
  XR_EVERY_ORDER();
  std::vector<int> values(96);
  const std::string message = error_of([&] { launch(throw_one, 1, 96, 0, nullptr, values.data(), 40U); });
  CHECK_THAT(message, StartsWith("simt: ") && Contains("throw_one") &&
                          Contains("thread (40,0,0) of block (0,0,0)") && Contains("out of luck"));
  CHECK(values == std::vector<int>(96));
  launch(throw_one, 1, 96, 0, nullptr, values.data(), 1000U);
  CHECK(values == std::vector<int>(96, 1));
  CHECK_THAT(error_of([] { launch(throw_number, 1, 2, 0, nullptr); }), Contains("throw_number"));
  CHECK_THAT(error_of([] { launch(trap_in_thread, 2, 64, 0, nullptr, 33U); }),
             Contains("launch.cpp:") && Contains("__trap") && Contains("thread (33,0,0)"));
}

TEST_CASE("simt launch unwinds the threads of a block that failed") {
  XR_EVERY_ORDER();
  CHECK_FALSE(error_of([] { launch(hold_and_fail, 1, 64, 0, nullptr); }).empty());
  CHECK(alive == 0);
}

TEST_CASE("simt launch names template kernels with their arguments") {
  std::vector<int> values(1);
  CHECK_THAT(error_of([&] { launch(add_constant<5>, 1, 2000, 0, nullptr, values.data()); }),
             Contains("add_constant<5>:") && !Contains("void"));
}

TEST_CASE("simt launch from within a kernel is an error") {
  std::vector<int> values(1);
  CHECK_THAT(error_of([&] { launch(launch_another, 1, 1, 0, nullptr, values.data()); }),
             Contains("launched from within a kernel"));
  launch(add_one, 1, 1, 0, nullptr, values.data());
  CHECK(values[0] == 1);
}

TEST_CASE("simt operations outside of a kernel are errors") {
  CHECK_THAT(error_of([] { __syncthreads(); }), Contains("__syncthreads") && Contains("outside of a launch"));
  CHECK_THAT(error_of([] { __shfl_xor_sync(~0U, 1, 1); }), Contains("outside of a launch"));
  launch(nothing, 1, 1, 0, nullptr);
  CHECK_THAT(error_of([] { __syncwarp(); }), Contains("outside of a launch"));
}

TEST_CASE("simt launches from several threads run one after another") {
  XR_EVERY_ORDER();
  constexpr int callers = 4, launches = 20;
  std::vector<std::vector<int>> values(callers, std::vector<int>(96));
  std::vector<std::thread> threads;
  for (auto& mine : values) {
    for (int i = 0; i < 96; ++i) mine[static_cast<std::size_t>(i)] = i;
    threads.emplace_back([&mine] {
      for (int i = 0; i < launches + 1; ++i)
        launch(reverse_through_shared, 1, 96, 96 * sizeof(int), nullptr, mine.data());
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& mine : values)
    for (int i = 0; i < 96; ++i) REQUIRE(mine[static_cast<std::size_t>(i)] == 95 - i);
}

TEST_CASE("simt order of threads has names and comes from the environment") {
  using namespace kernels::simt;
  for (const Order order : {Order::forward, Order::reverse, Order::shuffled, Order::warp_first})
    CHECK(parse_order(order_name(order)) == order);
  CHECK_THAT(error_of([] { parse_order("backwards"); }),
             Contains("\"backwards\"") && Contains("forward, reverse, shuffled or warp_first"));
  CHECK(config_from_environment(nullptr, nullptr, nullptr).order == Order::forward);
  CHECK(config_from_environment("warp_first", "17", nullptr).order == Order::warp_first);
  CHECK(config_from_environment("warp_first", "17", nullptr).seed == 17);
  CHECK_THAT(error_of([] { config_from_environment("", nullptr, nullptr); }), Contains("XR_SIMT_ORDER"));
  CHECK_THAT(error_of([] { config_from_environment(nullptr, "1x", nullptr); }),
             Contains("XR_SIMT_SEED=\"1x\""));
  CHECK_THAT(error_of([] { config_from_environment(nullptr, "-1", nullptr); }), Contains("XR_SIMT_SEED"));
  CHECK(config_from_environment(nullptr, nullptr, nullptr).mma_sum == MmaSum::toward_zero);
  CHECK(config_from_environment(nullptr, nullptr, "aligned").mma_sum == MmaSum::aligned);
  CHECK_THAT(error_of([] { config_from_environment(nullptr, nullptr, "up"); }),
             Contains("XR_SIMT_MMA=\"up\""));
}

namespace {

__global__ void note_turn(unsigned* turns, unsigned* count) {
  __syncthreads();
  turns[atomicAdd(count, 1U)] = threadIdx.x;
}

std::vector<unsigned> turns_of(kernels::simt::Config config) {
  const kernels::simt::Config before = kernels::simt::config();
  kernels::simt::set_config(config);
  std::vector<unsigned> turns(100);
  unsigned count = 0;
  launch(note_turn, 1, 100, 0, nullptr, turns.data(), &count);
  kernels::simt::set_config(before);
  return turns;
}

}  // namespace

TEST_CASE("simt orders differ and shuffled ones follow the seed") {
  using kernels::simt::Order;
  const auto forward = turns_of({Order::forward, 1}), reverse = turns_of({Order::reverse, 1});
  for (unsigned i = 0; i < 100; ++i) {
    REQUIRE(forward[i] == i);
    REQUIRE(reverse[i] == 99 - i);
  }
  const auto shuffled = turns_of({Order::shuffled, 1});
  CHECK(shuffled == turns_of({Order::shuffled, 1}));
  CHECK(shuffled != turns_of({Order::shuffled, 2}));
  CHECK(shuffled != forward);
}

}  // namespace xr::tests
