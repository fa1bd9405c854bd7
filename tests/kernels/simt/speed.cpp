// What the executor costs. Hidden from the usual runs: build/bin/test_simt "[speed]" prints a table.
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <vector>

#include "tests/kernels/simt/orders.h"

namespace xr::tests {

namespace {

using kernels::simt::launch;

__global__ void add_one(float* values) {
  values[blockIdx.x * blockDim.x + threadIdx.x] += 1;
}

__global__ void wait_often(int rounds) {
  for (int i = 0; i < rounds; ++i) __syncthreads();
}

__global__ void shuffle_often(float* out, int rounds) {
  float value = static_cast<float>(threadIdx.x);
  for (int i = 0; i < rounds; ++i) value = __shfl_xor_sync(~0U, value, 1);
  out[threadIdx.x] = value;
}

__global__ void multiply_often(float* out, int rounds) {
  const std::uint32_t a[4] = {}, b[2] = {};
  float c[4] = {};
  for (int i = 0; i < rounds; ++i) kernels::simt::mma_m16n8k8_tf32(c, a, b, c);
  out[threadIdx.x] = c[0];
}

__global__ void load_often(std::uint32_t* out, int rounds) {
  XR_DYNAMIC_SHARED(char, shared);
  std::uint32_t r[4] = {};
  for (int i = 0; i < rounds; ++i) kernels::simt::ldmatrix_x4(r, shared + 16 * threadIdx.x);
  out[threadIdx.x] = r[0];
}

__global__ void copy_often(const float* in, int rounds) {
  XR_DYNAMIC_SHARED(float, shared);
  for (int i = 0; i < rounds; ++i) {
    kernels::simt::copy_async<16>(shared + 4 * threadIdx.x, in + 4 * threadIdx.x, 16);
    kernels::simt::copy_async_commit();
    kernels::simt::copy_async_wait<0>();
  }
}

/// Nanoseconds per operation, the best of five runs of f(), which does `operations`.
template <class F>
double nanoseconds(double operations, F f) {
  double best = 1e300;
  for (int run = 0; run < 6; ++run) {
    const auto begin = std::chrono::steady_clock::now();
    f();
    const std::chrono::duration<double, std::nano> taken = std::chrono::steady_clock::now() - begin;
    if (run > 0) best = std::min(best, taken.count() / operations);
  }
  return best;
}

}  // namespace

TEST_CASE("simt speed", "[.speed]") {
  XR_EVERY_ORDER();
  constexpr int rounds = 500;
  std::vector<float> values(1 << 20);
  std::vector<std::uint32_t> words(32);
  fmt::print("\n{} order\n", kernels::simt::order_name(order_in_use));
  const auto report = [](const char* what, double time) { fmt::print("  {:<36}{:8.1f} ns\n", what, time); };
  report("a thread that waits for nobody",
         nanoseconds(1 << 20, [&] { launch(add_one, 4096, 256, 0, nullptr, values.data()); }));
  for (const unsigned threads : {32U, 256U, 1024U}) {
    report(fmt::format("__syncthreads, 1 of {} threads", threads).c_str(),
           nanoseconds(threads * rounds, [&] { launch(wait_often, 1, threads, 0, nullptr, rounds); }));
    report(fmt::format("shuffle, 1 of {} threads", threads).c_str(), nanoseconds(threads * rounds, [&] {
             launch(shuffle_often, 1, threads, 0, nullptr, values.data(), rounds);
           }));
  }
  report("mma_m16n8k8_tf32, a warp",
         nanoseconds(rounds, [&] { launch(multiply_often, 1, 32, 0, nullptr, values.data(), rounds); }));
  report("ldmatrix_x4, a warp",
         nanoseconds(rounds, [&] { launch(load_often, 1, 32, 512, nullptr, words.data(), rounds); }));
  report("copy_async with commit and wait", nanoseconds(256 * rounds, [&] {
           launch(copy_often, 1, 256, 4096, nullptr, values.data(), rounds);
         }));
  report("a block of one thread",
         nanoseconds(4096, [&] { launch(add_one, 4096, 1, 0, nullptr, values.data()); }));
}

}  // namespace xr::tests
