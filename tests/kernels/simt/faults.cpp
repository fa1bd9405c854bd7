// Planted bugs: each must be reported, or give a result that a test of the kernel would see.
#include <catch2/catch.hpp>
#include <vector>

#include "kernels/simt/sanitizers.h"
#include "tests/kernels/simt/orders.h"

namespace xr::tests {

namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using kernels::simt::launch;

__global__ void divergent_barrier(int* out) {
  if (threadIdx.x < 16)  // NOLINT(bugprone-branch-clone): that is the fault
    __syncthreads();
  else
    __syncthreads();
  out[threadIdx.x] = 1;
}

__global__ void different_barriers(int* out) {
  if (threadIdx.x < 16) __syncthreads();
  out[threadIdx.x] = threadIdx.x < 16 ? 0 : __syncthreads_count(1);
}

__global__ void barrier_or_warp(int* out) {
  if (threadIdx.x < 16)
    __syncthreads();
  else
    __syncwarp();
  out[threadIdx.x] = 1;
}

__global__ void missing_lane(int* out, bool ended) {
  if (threadIdx.x == 3 && ended) return;
  if (threadIdx.x == 3) __syncthreads();
  out[threadIdx.x] = __shfl_sync(~0U, 1, 5);
  if (threadIdx.x != 3) __syncthreads();
}

__global__ void read_absent_lane(int* out, unsigned mask, int source) {
  if ((mask >> threadIdx.x & 1U) != 0) out[threadIdx.x] = __shfl_sync(mask, 1, source);
}

__global__ void not_in_own_mask(int* out) {
  out[threadIdx.x] = static_cast<int>(__ballot_sync(0xFFFFFFFEU, 1));
}

__global__ void different_masks(int* out) {
  const unsigned mask = threadIdx.x == 4 ? 0x000000FFU : 0xFFFFFFFFU;
  if (threadIdx.x == 4 || threadIdx.x >= 8) {
    out[threadIdx.x] = static_cast<int>(__ballot_sync(mask, 1));
  } else {
    out[threadIdx.x] = static_cast<int>(__ballot_sync(0x000000FFU, 1));
  }
}

__global__ void one_mask_each(int* out) {
  out[threadIdx.x] = static_cast<int>(__ballot_sync(threadIdx.x == 0 ? 0x00000003U : 0xFFFFFFFFU, 1));
}

__global__ void different_operations(int* out) {
  if (threadIdx.x < 16)
    out[threadIdx.x] = __any_sync(~0U, 1);
  else
    out[threadIdx.x] = __all_sync(~0U, 1);
}

__global__ void shuffle_with(int* out, int width, unsigned delta) {
  out[threadIdx.x] = __shfl_down_sync(~0U, 1, delta, width);
}

__global__ void multiply(float* out, bool at_two_places) {
  const std::uint32_t a[4] = {}, b[2] = {};
  const float c[4] = {};
  float d[4];
  if (threadIdx.x % 2 == 0 && at_two_places)  // NOLINT(bugprone-branch-clone): that is the fault
    kernels::simt::mma_m16n8k8_tf32(d, a, b, c);
  else
    kernels::simt::mma_m16n8k8_tf32(d, a, b, c);
  out[threadIdx.x] = d[0];
}

__global__ void load_from(unsigned* out, int offset) {
  XR_DYNAMIC_SHARED(char, shared);
  std::uint32_t r[4];
  kernels::simt::ldmatrix_x4(r, shared + 16 * threadIdx.x + offset);
  out[threadIdx.x] = r[0];
}

[[maybe_unused]] __global__ void write_shared(int first) {
  XR_DYNAMIC_SHARED(char, shared);
  shared[first + static_cast<int>(threadIdx.x)] = 1;
}

// Two reductions over the block through the same slots; without the barrier between them a warp that is ahead
// overwrites what another has yet to read. That warp has to run a whole reduction ahead.
__global__ void sum_and_maximum(int* out, const int* in, bool with_barrier) {
  __shared__ int parts[4];
  const unsigned t = threadIdx.x, warp = t / 32;
  const auto combined = [&](int value, auto combine) {
    for (int step = 16; step > 0; step /= 2) value = combine(value, __shfl_xor_sync(~0U, value, step));
    if (t % 32 == 0) parts[warp] = value;
    __syncthreads();
    return combine(combine(parts[0], parts[1]), combine(parts[2], parts[3]));
  };
  const int largest = combined(in[t], [](int a, int b) { return max(a, b); });
  if (with_barrier) __syncthreads();
  out[t] = combined(in[t] - largest, [](int a, int b) { return a + b; });
}

int wrong_sums(bool with_barrier) {
  std::vector<int> in(128), out(128);
  int sum = 0;
  for (int i = 0; i < 128; ++i) sum += in[static_cast<std::size_t>(i)] = 127 - i;
  launch(sum_and_maximum, 1, 128, 0, nullptr, out.data(), in.data(), with_barrier);
  int wrong = 0;
  for (const int value : out) wrong += static_cast<int>(value != sum - 128 * 127);
  return wrong;
}

}  // namespace

TEST_CASE("simt reports a divergent barrier") {
  XR_EVERY_ORDER();
  std::vector<int> out(32);
  CHECK_THAT(error_of([&] { launch(divergent_barrier, 1, 32, 0, nullptr, out.data()); }),
             StartsWith("simt: ") && Contains("faults.cpp:18: __syncthreads") &&
                 Contains("faults.cpp:20: __syncthreads") && Contains("divergent barrier") &&
                 Contains("divergent_barrier, thread (") && Contains("of block (0,0,0)"));
  CHECK_THAT(error_of([&] { launch(different_barriers, 1, 32, 0, nullptr, out.data()); }),
             Contains("divergent barrier") && Contains("__syncthreads_count"));
  CHECK(out == std::vector<int>(32));
}

TEST_CASE("simt reports a deadlock with who waits where") {
  XR_EVERY_ORDER();
  std::vector<int> out(64);
  CHECK_THAT(error_of([&] { launch(barrier_or_warp, 2, 32, 0, nullptr, out.data()); }),
             StartsWith("simt: deadlock in ") && Contains("barrier_or_warp, block (") &&
                 Contains("16 threads, the first is (0,0,0), wait at") &&
                 Contains("faults.cpp:31: __syncthreads") &&
                 Contains("16 threads, the first is (16,0,0), wait at") &&
                 Contains("__syncwarp for lanes 0xffffffff"));
  CHECK_THAT(error_of([&] { launch(missing_lane, 1, 32, 0, nullptr, out.data(), false); }),
             Contains("deadlock") && Contains("31 threads, the first is (0,0,0), wait at") &&
                 Contains("__shfl_sync for lanes 0xffffffff"));
  CHECK(error_of([&] { launch(missing_lane, 1, 32, 0, nullptr, out.data(), true); }).empty());
}

TEST_CASE("simt reports a shuffle that reads a lane which does not take part") {
  XR_EVERY_ORDER();
  std::vector<int> out(40);
  const auto error = [&](unsigned threads, unsigned mask, int source) {
    return error_of([&] { launch(read_absent_lane, 1, threads, 0, nullptr, out.data(), mask, source); });
  };
  CHECK_THAT(error(32, 0x0000FFFFU, 20), Contains("reads from lane 20, which does not take part") &&
                                             Contains("0x0000ffff") && Contains("__shfl_sync"));
  CHECK_THAT(error(8, ~0U, 8), Contains("reads from lane 8, which does not take part"));  // there are only 8
  CHECK(error(8, ~0U, 7).empty());
  CHECK(error(32, 0x0000FFFFU, 15).empty());
}

TEST_CASE("simt reports lanes that do not agree on what they do together") {
  XR_EVERY_ORDER();
  std::vector<int> out(32);
  CHECK_THAT(error_of([&] { launch(not_in_own_mask, 1, 32, 0, nullptr, out.data()); }),
             Contains("lane 0 is not in its own mask 0xfffffffe"));
  CHECK_FALSE(error_of([&] { launch(different_masks, 1, 32, 0, nullptr, out.data()); }).empty());
  CHECK_THAT(error_of([&] { launch(one_mask_each, 1, 2, 0, nullptr, out.data()); }),
             Contains("its mask is 0x") && Contains("waits for it with the mask 0x"));
  CHECK_THAT(error_of([&] { launch(different_operations, 1, 32, 0, nullptr, out.data()); }),
             Contains("different operations") && Contains("__any_sync") && Contains("__all_sync"));
  CHECK_THAT(error_of([&] { launch(shuffle_with, 1, 32, 0, nullptr, out.data(), 12, 1); }),
             Contains("width is 12"));
  CHECK_THAT(error_of([&] { launch(shuffle_with, 1, 32, 0, nullptr, out.data(), 32, 32); }),
             Contains("distance between lanes is 32"));
}

TEST_CASE("simt reports tensor core operations without a whole warp") {
  XR_EVERY_ORDER();
  std::vector<float> out(32);
  CHECK(error_of([&] { launch(multiply, 1, 32, 0, nullptr, out.data(), false); }).empty());
  CHECK_THAT(error_of([&] { launch(multiply, 1, 31, 0, nullptr, out.data(), false); }),
             Contains("mma_m16n8k8_tf32") && Contains("all 32 lanes"));
  CHECK_THAT(error_of([&] { launch(multiply, 1, 32, 0, nullptr, out.data(), true); }),
             Contains("mma_m16n8k8_tf32") && Contains("different operations"));
  std::vector<unsigned> loaded(32);
  CHECK(error_of([&] { launch(load_from, 1, 32, 1024, nullptr, loaded.data(), 16); }).empty());
  CHECK_THAT(error_of([&] { launch(load_from, 1, 32, 1024, nullptr, loaded.data(), 8); }),
             Contains("ldmatrix_x4") && Contains("not a multiple of 16"));
}

#if !defined(XR_SIMT_ASAN)  // which ends the program: see planted_fault.cpp
TEST_CASE("simt reports writes beyond dynamic shared memory") {
  XR_EVERY_ORDER();
  const auto error = [](int first) {
    return error_of([&] { launch(write_shared, 2, 8, 100, nullptr, first); });
  };
  CHECK(error(92).empty());
  CHECK_THAT(error(93), Contains("write_shared, block (") && Contains("wrote behind its 100 bytes") &&
                            Contains("at byte 100"));
  CHECK_THAT(error(140), Contains("at byte 140"));
  CHECK_THAT(error(-1), Contains("wrote in front of") && Contains("at byte -1"));
  CHECK(error(0).empty());
}
#endif

TEST_CASE("simt finds a missing barrier in warp first order") {
  {
    XR_EVERY_ORDER();
    CHECK(wrong_sums(true) == 0);
  }
#if !defined(XR_SIMT_TSAN)  // which reports it: see planted_fault.cpp
  const UseOrder use_order(kernels::simt::Order::warp_first);
  CHECK(wrong_sums(false) > 0);
#endif
}

}  // namespace xr::tests
