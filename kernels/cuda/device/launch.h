// Launching a kernel on a CUDA device. kernels/simt/executor.h has the twin for the host.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <map>
#include <mutex>
#include <tuple>
#include <utility>

#include "kernels/cuda/device/check.h"

/// The block's dynamic shared memory as an array of T; 16-byte aligned. One use per kernel.
#define XR_DYNAMIC_SHARED(T, name)                           \
  extern __shared__ __align__(128) char xr_dynamic_shared[]; \
  T* const name = reinterpret_cast<T*>(xr_dynamic_shared)

namespace xr::kernels::cuda {

using Stream = cudaStream_t;

/// Lets launches of `kernel` on this device have so much dynamic shared memory; never less than before, since
/// a recorded launch may need it.
inline void allow_shared_memory(const void* kernel, std::size_t bytes) {
  // A kernel gets 48 KB without asking, its static arrays included: of these none has more than 18 KB.
  constexpr std::size_t without_asking = 30 * 1024;
  if (bytes <= without_asking) return;
  static std::mutex mutex;
  static std::map<std::pair<int, const void*>, std::size_t> allowed;
  int device = 0;
  XR_CUDA_CHECK(cudaGetDevice(&device));
  const std::lock_guard lock(mutex);
  std::size_t& most = allowed[{device, kernel}];
  if (bytes <= most) return;
  XR_CUDA_CHECK(
      cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(bytes)));
  most = bytes;
}

/// Queues kernel<<<grid, block, shared_bytes, stream>>>(arguments...), and throws the launch's own error.
template <class... P, class... A>
void launch(void (*kernel)(P...), dim3 grid, dim3 block, std::size_t shared_bytes, Stream stream,
            A&&... arguments) {
  static_assert(sizeof...(P) == sizeof...(A), "a kernel takes as many arguments as it has parameters");
  const void* function = reinterpret_cast<const void*>(kernel);
  allow_shared_memory(function, shared_bytes);
  std::tuple<P...> values(static_cast<P>(std::forward<A>(arguments))...);
  std::apply(
      [&](auto&... value) {
        void* pointers[] = {const_cast<void*>(static_cast<const void*>(&value))..., nullptr};
        const cudaError_t status = cudaLaunchKernel(function, grid, block, pointers, shared_bytes, stream);
        XR_CHECK(status == cudaSuccess,
                 "CUDA: a launch of {} x {} x {} blocks of {} x {} x {} threads with {} bytes of shared "
                 "memory failed: {}",
                 grid.x, grid.y, grid.z, block.x, block.y, block.z, shared_bytes, cudaGetErrorString(status));
      },
      values);
}

}  // namespace xr::kernels::cuda
