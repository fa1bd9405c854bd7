// Copies from global to shared memory that go on while the thread computes (PTX cp.async, sm_80 and later).
// kernels/simt/async_copy.h has the twin, which copies at the wait.
#pragma once

namespace xr::kernels::cuda {

/// Queues the copy of valid_bytes (0 to Bytes) to shared memory; the rest of the Bytes is filled with zeros.
/// Both addresses are multiples of Bytes: 4, 8 or 16.
template <int Bytes>
__device__ __forceinline__ void copy_async(void* shared, const void* global, int valid_bytes) {
  static_assert(Bytes == 4 || Bytes == 8 || Bytes == 16);
  const unsigned to = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  if constexpr (Bytes == 16)  // around L1: each byte is read once per block
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(global), "r"(valid_bytes)
                 : "memory");
  else
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(to), "l"(global), "n"(Bytes),
                 "r"(valid_bytes)
                 : "memory");
}

/// The copies since the last commit become a group.
__device__ __forceinline__ void copy_async_commit() {
  asm volatile("cp.async.commit_group;" ::: "memory");
}

/// Waits until all but this thread's latest Groups groups have arrived. Other threads see them after a
/// barrier.
template <int Groups>
__device__ __forceinline__ void copy_async_wait() {
  asm volatile("cp.async.wait_group %0;" ::"n"(Groups) : "memory");
}

}  // namespace xr::kernels::cuda
