#undef NDEBUG  // assert is looked at here
#include <cassert>
#include <cstdio>

#include "tests/kernels/software_gpu/planted_faults.h"

namespace xr::tests {

namespace {

__global__ void fine(float* x, int /*n*/) {
  __shared__ float s[64];
  s[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  x[threadIdx.x] = s[63 - threadIdx.x];
}

__global__ void global_overrun(float* x, int n) {
  x[threadIdx.x + n - 63] = 1;
}

__global__ void global_underrun(float* x, int /*n*/) {
  x[threadIdx.x] = x[-1];
}

__global__ void far_outside(float* x, int n) {
  x[threadIdx.x + (static_cast<long long>(n) << 32)] = 1;
}

__global__ void misaligned(float* x, int /*n*/) {
  reinterpret_cast<float4*>(x + 1)[threadIdx.x % 4] = make_float4(1, 2, 3, 4);
}

__global__ void shared_overrun(float* x, int n) {
  extern __shared__ float s[];
  s[threadIdx.x + n] = x[threadIdx.x];
  __syncthreads();
  x[threadIdx.x] = s[threadIdx.x];
}

__global__ void unwritten(float* x, int /*n*/) {
  __shared__ float s[64];
  if (threadIdx.x != 5) s[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  x[threadIdx.x] = s[63 - threadIdx.x];
}

__global__ void missing_barrier(float* x, int /*n*/) {
  __shared__ float s[64];
  s[threadIdx.x] = x[threadIdx.x];
  x[threadIdx.x] = s[63 - threadIdx.x];
}

// Its reads of the first round are raced for by the writes of the second.
__global__ void missing_second_barrier(float* x, int /*n*/) {
  __shared__ float s[64];
  for (int i = 0; i < 2; ++i) {
    s[threadIdx.x] = x[threadIdx.x] + static_cast<float>(i);
    __syncthreads();
    x[threadIdx.x] = s[63 - threadIdx.x];
  }
}

__global__ void two_writers(float* x, int /*n*/) {
  __shared__ float s[32];
  s[threadIdx.x % 32] = x[threadIdx.x];
  __syncthreads();
  x[threadIdx.x] = s[threadIdx.x % 32];
}

__global__ void divergent_barrier(float* x, int /*n*/) {
  if (threadIdx.x % 32 < 16) {
    x[threadIdx.x] = 1;
    __syncthreads();
  } else {
    x[threadIdx.x] = 2;
    __syncwarp(0xffff0000);
    x[threadIdx.x] += __shfl_xor_sync(0xffffffff, x[threadIdx.x], 1);
  }
}

__global__ void barriers_of_warps(float* x, int /*n*/) {
  if (threadIdx.x < 32) {
    x[threadIdx.x] = 1;
    __syncthreads();
    x[threadIdx.x] = x[threadIdx.x + 32];
  } else {
    x[threadIdx.x] = 2;
    __syncthreads();
  }
}

__global__ void absent_lane(float* x, int /*n*/) {
  if (threadIdx.x % 32 < 16) x[threadIdx.x] = __shfl_sync(0x0000ffff, x[threadIdx.x], 20);
}

__global__ void outside_of_own_mask(float* x, int /*n*/) {
  x[threadIdx.x] = __shfl_sync(0xfffffffe, x[threadIdx.x], 1);
}

__device__ void copy(float* to, const float* from) {
  const auto address = static_cast<unsigned>(__cvta_generic_to_shared(to));
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4;" ::"r"(address), "l"(from) : "memory");
  asm volatile("cp.async.commit_group;" ::: "memory");
}

__global__ void copy_not_waited(float* x, int /*n*/) {
  __shared__ float s[64];
  copy(s + threadIdx.x, x + threadIdx.x);
  __syncthreads();
  x[threadIdx.x] = s[63 - threadIdx.x];
}

__global__ void copy_never_waited(float* x, int /*n*/) {
  __shared__ float s[64];
  copy(s + threadIdx.x, x + threadIdx.x);
}

__global__ void copy_without_barrier(float* x, int /*n*/) {
  __shared__ float s[64];
  copy(s + threadIdx.x, x + threadIdx.x);
  asm volatile("cp.async.wait_group 0;" ::: "memory");
  x[threadIdx.x] = s[63 - threadIdx.x];
}

__global__ void copy_from_outside(float* x, int n) {
  __shared__ float s[64];
  copy(s + threadIdx.x, x + n);
  asm volatile("cp.async.wait_group 0;" ::: "memory");
  x[threadIdx.x] = s[threadIdx.x];
}

__global__ void assertion(float* x, int n) {
  assert(n == 63 && "planted");
  x[threadIdx.x] = 1;
}

__global__ void prints(float* x, int n) {
  if (threadIdx.x == 33)
    printf("thread %u of %d: %.2f, %s, %lld, %c%%, %5d|\n", threadIdx.x, n, static_cast<double>(x[0]) + 0.25,
           "text", static_cast<long long>(n) << 33, 'c', -7);
}

// Two blocks write the same place; one reads what the other writes; and rightly, the last one to come reads it.
__global__ void blocks_write(float* x, int /*n*/) {
  x[threadIdx.x] = static_cast<float>(blockIdx.x);
}

__global__ void blocks_read(float* x, int /*n*/) {
  if (blockIdx.x == 0)
    x[threadIdx.x % 32] = 1;
  else
    x[32 + threadIdx.x % 32] = x[threadIdx.x % 32];
}

__global__ void blocks_read_first(float* x, int /*n*/) {
  if (blockIdx.x == 0)
    x[32 + threadIdx.x % 32] = x[threadIdx.x % 32];
  else
    x[threadIdx.x % 32] = 1;
}

__global__ void blocks_share(float* x, int /*n*/) {
  x[32 * blockIdx.x + threadIdx.x % 32] = x[63];
}

__global__ void blocks_apart(float* x, int /*n*/) {
  x[32 * blockIdx.x + threadIdx.x % 32] = 1;
}

__global__ void last_block_reads(float* x, int /*n*/) {
  __shared__ int is_last;
  x[32 + blockIdx.x] = 2;
  __threadfence();
  if (threadIdx.x == 0) is_last = atomicAdd(reinterpret_cast<int*>(x), 1) == static_cast<int>(gridDim.x) - 1;
  __syncthreads();
  if (is_last && threadIdx.x == 0)
    for (unsigned i = 0; i < gridDim.x; ++i) x[1] += x[32 + i];
}

}  // namespace

const PlantedFault planted_faults[] = {
    {"fine", fine, ""},
    {"global_overrun", global_overrun, "in no allocation"},
    {"global_underrun", global_underrun, "in no allocation"},
    {"far_outside", far_outside, "in no allocation"},
    {"misaligned", misaligned, "misaligned address"},
    {"shared_overrun", shared_overrun, "of shared memory at", 1, 64 * sizeof(float)},
    {"unwritten", unwritten, "shared memory that nobody wrote"},
    {"missing_barrier", missing_barrier, "shared memory that nobody wrote"},
    {"missing_second_barrier", missing_second_barrier, "race: "},
    {"two_writers", two_writers, "race: writes shared memory that"},
    {"divergent_barrier", divergent_barrier, "lanes wait at different places"},
    {"barriers_of_warps", barriers_of_warps, "warps wait at different barriers"},
    {"absent_lane", absent_lane, "which takes no part"},
    {"outside_of_own_mask", outside_of_own_mask, "a lane is not in its own mask"},
    {"copy_not_waited", copy_not_waited, "to which a copy is under way"},
    {"copy_never_waited", copy_never_waited, "copies that were not waited for"},
    {"copy_without_barrier", copy_without_barrier, "shared memory that nobody wrote"},
    {"assertion", assertion, "assertion failed: n == 63"},
    {"blocks_write", blocks_write, "race: writes global memory that block (", 2},
    {"blocks_read", blocks_read, "race: ", 2},
    {"blocks_read_first", blocks_read_first, "race: ", 2},
    {"blocks_share", blocks_share, "race: ", 2},
    {"blocks_apart", blocks_apart, "", 2},
    {"last_block_reads", last_block_reads, "", 2},
    {"copy_from_outside", copy_from_outside, "in no allocation"},
};
const PlantedKernel printing_kernel = prints;
const int planted_fault_count = sizeof(planted_faults) / sizeof(planted_faults[0]);

}  // namespace xr::tests
