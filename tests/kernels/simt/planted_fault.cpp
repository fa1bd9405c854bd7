// Runs one kernel with a fault that only a sanitizer reports; the tests look for its report.
#include <cstdio>
#include <cstring>
#include <exception>
#include <vector>

#include "kernels/simt/device.h"

namespace {

using xr::kernels::simt::launch;

__global__ void reverse(float* out, bool with_barrier) {
  __shared__ float shared[64];
  const unsigned t = threadIdx.x;
  shared[t] = static_cast<float>(t);
  if (with_barrier) __syncthreads();
  out[t] = shared[63 - t];
}

// A shuffle makes lanes meet, but does not order what they wrote.
__global__ void exchange(float* out, bool with_barrier) {
  XR_DYNAMIC_SHARED(float, shared);
  const unsigned t = threadIdx.x;
  shared[t] = __shfl_xor_sync(~0U, static_cast<float>(t), 1);
  const float other = __shfl_xor_sync(~0U, 1.0F, 1);
  if (with_barrier) __syncwarp();
  out[t] = shared[t ^ 1U] + other;
}

// The barrier after the copies is missing: a thread waits for its own only.
__global__ void copy(float* out, const float* in, bool with_barrier) {
  XR_DYNAMIC_SHARED(float, shared);
  const unsigned t = threadIdx.x;
  xr::kernels::simt::copy_async<4>(shared + t, in + t, 4);
  xr::kernels::simt::copy_async_commit();
  xr::kernels::simt::copy_async_wait<0>();
  if (with_barrier) __syncthreads();
  out[t] = shared[63 - t];
}

__global__ void read_shared(float* out, int first) {
  XR_DYNAMIC_SHARED(float, shared);
  out[threadIdx.x] = shared[first + static_cast<int>(threadIdx.x)];
}

__global__ void read_static(float* out, int first) {
  __shared__ float shared[64];
  shared[threadIdx.x] = 1;
  __syncthreads();
  out[threadIdx.x] = shared[first + static_cast<int>(threadIdx.x)];
}

}  // namespace

int main(int argc, char** argv) try {
  const char* fault = argc > 1 ? argv[1] : "";
  const auto has = [&](const char* name) { return std::strcmp(fault, name) == 0; };
  std::vector<float> in(64, 1.0F), out(64);
  launch(reverse, 2, 64, 0, nullptr, out.data(), !has("barrier"));
  launch(exchange, 2, 64, 256, nullptr, out.data(), !has("syncwarp"));
  launch(copy, 2, 64, 256, nullptr, out.data(), in.data(), !has("barrier-after-copy"));
  launch(read_shared, 1, 32, 256, nullptr, out.data(),
         has("read-behind")   ? 33
         : has("read-before") ? -1
                              : 32);
  launch(read_static, 1, 64, 0, nullptr, out.data(), has("read-static") ? 1 : 0);
  std::puts("no report");
  return 0;
} catch (const std::exception& error) {
  std::puts(error.what());
  return 1;
}
