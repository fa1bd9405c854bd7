// Launching a kernel on a CUDA device. kernels/simt/executor.h has the twin for the host.
#pragma once

#include <cuda_runtime.h>

#include <cstddef>
#include <tuple>
#include <utility>

#include "kernels/cuda/check.h"

/// The block's dynamic shared memory as an array of T; 16-byte aligned. One use per kernel.
#define XR_DYNAMIC_SHARED(T, name)                           \
  extern __shared__ __align__(128) char xr_dynamic_shared[]; \
  T* const name = reinterpret_cast<T*>(xr_dynamic_shared)

namespace xr::kernels::cuda {

using Stream = cudaStream_t;

/// Queues kernel<<<grid, block, shared_bytes, stream>>>(arguments...), and throws the launch's own error.
template <class... P, class... A>
void launch(void (*kernel)(P...), dim3 grid, dim3 block, std::size_t shared_bytes, Stream stream,
            A&&... arguments) {
  static_assert(sizeof...(P) == sizeof...(A), "a kernel takes as many arguments as it has parameters");
  constexpr std::size_t without_asking = 48 * 1024;
  const void* function = reinterpret_cast<const void*>(kernel);
  if (shared_bytes > without_asking)
    XR_CUDA_CHECK(cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                       static_cast<int>(shared_bytes)));
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
