// CUDA's language and library as far as the kernels use them, for the host's compiler: include this instead
// of CUDA's headers, and kernel source compiles as plain C++ that the executor runs.
#pragma once

#include "kernels/simt/async_copy.h"
#include "kernels/simt/atomics.h"
#include "kernels/simt/executor.h"
#include "kernels/simt/math.h"
#include "kernels/simt/mma.h"
#include "kernels/simt/vector_types.h"
#include "kernels/simt/warp.h"

// Sections that the executor finds and fills with NaN before each block. GCC 12 drops the section attribute
// in templates, but keeps this one.
#if defined(__clang__)
#define XR_SIMT_STATIC_SHARED __attribute__((section(".xr_shared")))
#else
#define XR_SIMT_STATIC_SHARED __attribute__((noinit))
#endif

// NOLINTBEGIN(readability-identifier-naming): CUDA's names
#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __shared__ static XR_SIMT_STATIC_SHARED

/// Ends the kernel.
[[noreturn]] inline void __trap(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  xr::kernels::simt::detail::fail({"__trap", file, line}, "the kernel ended itself");
}
// NOLINTEND(readability-identifier-naming)

/// `T* name` is the block's dynamic shared memory. (Plain C++ has nothing like `extern __shared__`.)
// NOLINTNEXTLINE(bugprone-macro-parentheses)
#define XR_DYNAMIC_SHARED(T, name) T* name = static_cast<T*>(::xr::kernels::simt::detail::dynamic_shared())
