// Asynchronous copies to shared memory.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

#include "tests/kernels/simt/orders.h"

namespace xr::tests {

namespace {

using Catch::Matchers::Contains;
using kernels::simt::copy_async;
using kernels::simt::copy_async_commit;
using kernels::simt::copy_async_wait;
using kernels::simt::launch;

// Copies n floats with Bytes per thread, zeros behind them.
template <int Bytes>
__global__ void copy_some(float* out, const float* in, int n) {
  XR_DYNAMIC_SHARED(float, shared);
  constexpr int width = Bytes / 4;
  const int first = static_cast<int>(threadIdx.x) * width;
  const int valid = max(0, min(Bytes, (n - first) * 4));
  copy_async<Bytes>(shared + first, valid > 0 ? in + first : nullptr, valid);
  copy_async_commit();
  copy_async_wait<0>();
  __syncthreads();
  const int other = static_cast<int>(blockDim.x - 1 - threadIdx.x) * width;
  for (int i = 0; i < width; ++i) out[other + i] = shared[other + i];
}

// Sums of 32 columns over `rows` rows, three rows in flight; WaitFor is 2 where it is right.
template <int WaitFor>
__global__ void pipelined_sum(float* out, const float* in, int rows) {
  constexpr int stages = 3;
  __shared__ float stage[stages][32];
  const int t = static_cast<int>(threadIdx.x);
  const auto fetch = [&](int row) {
    copy_async<4>(&stage[row % stages][t], row < rows ? in + row * 32 + t : in, row < rows ? 4 : 0);
    copy_async_commit();
  };
  for (int row = 0; row < stages - 1; ++row) fetch(row);
  float sum = 0;
  for (int row = 0; row < rows; ++row) {
    fetch(row + stages - 1);
    copy_async_wait<WaitFor>();
    __syncthreads();
    sum += stage[row % stages][31 - t];
    __syncthreads();
  }
  copy_async_wait<0>();
  out[t] = sum;
}

enum class Mistake {
  none,
  no_wait,
  no_commit,
  not_aligned_shared,
  not_aligned_global,
  too_many_valid,
  wait_at_end
};

__global__ void copy_with(Mistake mistake, float* out, const float* in) {
  XR_DYNAMIC_SHARED(float, shared);
  const unsigned t = threadIdx.x;
  if (mistake == Mistake::wait_at_end) shared[2 * t] = shared[2 * t + 1] = 3;
  copy_async<8>(shared + 2 * t + (mistake == Mistake::not_aligned_shared ? 1 : 0),
                in + 2 * t + (mistake == Mistake::not_aligned_global ? 1 : 0),
                mistake == Mistake::too_many_valid ? 12 : 8);
  if (mistake != Mistake::no_commit) copy_async_commit();
  if (mistake != Mistake::no_wait && mistake != Mistake::wait_at_end) copy_async_wait<0>();
  out[2 * t] = shared[2 * t];
  out[2 * t + 1] = shared[2 * t + 1];
  if (mistake == Mistake::wait_at_end) copy_async_wait<0>();
}

__global__ void wait_for_nothing(float* out) {
  XR_DYNAMIC_SHARED(float, shared);
  copy_async_commit();
  copy_async_wait<0>();
  out[threadIdx.x] = shared[threadIdx.x];
}

std::string error_with(Mistake mistake) {
  const std::vector<float> in(80, 1.0F);
  std::vector<float> out(80);
  return error_of([&] { launch(copy_with, 1, 32, 512, nullptr, mistake, out.data(), in.data()); });
}

}  // namespace

TEST_CASE("simt asynchronous copies bring the valid bytes and zeros behind them") {
  XR_EVERY_ORDER();
  std::vector<float> in(64 * 4);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = static_cast<float>(i + 1);
  const auto check = [&](auto* kernel, int width) {
    for (const int n : {0, 1, 2, 5, 33, 64 * width - 1, 64 * width}) {
      std::vector<float> out(static_cast<std::size_t>(64 * width), -1.0F);
      launch(kernel, 1, 64, out.size() * 4, nullptr, out.data(), in.data(), n);
      CAPTURE(width, n);
      for (int i = 0; i < 64 * width; ++i)
        REQUIRE(out[static_cast<std::size_t>(i)] == (i < n ? static_cast<float>(i + 1) : 0.0F));
    }
  };
  check(copy_some<4>, 1);
  check(copy_some<8>, 2);
  check(copy_some<16>, 4);
}

TEST_CASE("simt asynchronous copies land when the thread waits for their group") {
  XR_EVERY_ORDER();
  constexpr int rows = 7;
  std::vector<float> in(rows * 32), out(32), expected(32);
  for (int i = 0; i < rows * 32; ++i)
    expected[static_cast<std::size_t>(31 - i % 32)] += in[static_cast<std::size_t>(i)] =
        static_cast<float>(i % 11);
  launch(pipelined_sum<2>, 2, 32, 0, nullptr, out.data(), in.data(), rows);
  CHECK(out == expected);
  launch(pipelined_sum<1>, 2, 32, 0, nullptr, out.data(), in.data(), rows);  // waits for more than it needs
  CHECK(out == expected);
  launch(pipelined_sum<3>, 2, 32, 0, nullptr, out.data(), in.data(), rows);  // and for less
  const auto is_nan = [](float value) { return std::isnan(value); };
  CHECK(std::all_of(out.begin(), out.end(), is_nan));
}

TEST_CASE("simt reports asynchronous copies that are not waited for") {
  XR_EVERY_ORDER();
  CHECK(error_with(Mistake::none).empty());
  CHECK_THAT(error_with(Mistake::no_wait), Contains("async_copy.cpp:") && Contains("copy_async") &&
                                               Contains("copy_with, thread") &&
                                               Contains("without having waited"));
  CHECK_THAT(error_with(Mistake::no_commit), Contains("without having waited"));
  std::vector<float> out(64);
  launch(wait_for_nothing, 1, 64, 256, nullptr, out.data());  // nothing is left of the failed launch
  CHECK(std::all_of(out.begin(), out.end(), [](float value) { return std::isnan(value); }));
}

TEST_CASE("simt shared memory is NaN until the copy has landed") {
  XR_EVERY_ORDER();
  const std::vector<float> in(64, 1.0F);
  std::vector<float> out(64);
  launch(copy_with, 1, 32, 256, nullptr, Mistake::wait_at_end, out.data(), in.data());
  CHECK(std::all_of(out.begin(), out.end(), [](float value) { return std::isnan(value); }));
}

TEST_CASE("simt reports asynchronous copies with wrong addresses or sizes") {
  CHECK_THAT(error_with(Mistake::not_aligned_shared),
             Contains("shared address") && Contains("multiple of 8"));
  CHECK_THAT(error_with(Mistake::not_aligned_global),
             Contains("global address") && Contains("multiple of 8"));
  CHECK_THAT(error_with(Mistake::too_many_valid), Contains("12 valid bytes"));
}

}  // namespace xr::tests
