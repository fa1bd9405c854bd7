// Copies from global to shared memory that land later (cp.async).
#pragma once

#include "kernels/simt/executor.h"

namespace xr::kernels::simt {

namespace detail {
void copy_async(void* shared, const void* global, int bytes, int valid_bytes, const Site& site);
void copy_async_commit();
void copy_async_wait(int groups);
}  // namespace detail

/// Copies `valid_bytes` of `Bytes` and fills the rest with zeros; none valid: `global` is not read. Both
/// addresses must be multiples of Bytes. Lands when this thread waits for it and not before: until then the
/// destination holds 0xFF.
template <int Bytes>
void copy_async(void* shared, const void* global, int valid_bytes, const char* file = __builtin_FILE(),
                int line = __builtin_LINE()) {
  static_assert(Bytes == 4 || Bytes == 8 || Bytes == 16);
  detail::copy_async(shared, global, Bytes, valid_bytes, {"copy_async", file, line});
}

/// Puts the copies since the last commit into a group.
inline void copy_async_commit() {
  detail::copy_async_commit();
}

/// All but the latest `Groups` groups of this thread have landed.
template <int Groups>
void copy_async_wait() {
  static_assert(Groups >= 0);
  detail::copy_async_wait(Groups);
}

}  // namespace xr::kernels::simt
