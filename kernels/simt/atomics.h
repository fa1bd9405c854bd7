// CUDA's atomics on integers. There is deliberately none on floating-point numbers: the order of the
// additions would be that of the threads, and a training run has to give the same bits each time.
#pragma once

#include <atomic>
#include <concepts>
#include <type_traits>

namespace xr::kernels::simt::detail {

template <class T>
concept AtomicInteger =
    std::same_as<T, int> || std::same_as<T, unsigned> || std::same_as<T, unsigned long long>;

template <class T, class F>
T atomic_update(T* address, F f) {
  std::atomic_ref<T> cell(*address);
  T old = cell.load(std::memory_order_relaxed);
  while (!cell.compare_exchange_weak(old, f(old), std::memory_order_relaxed)) {
  }
  return old;
}

}  // namespace xr::kernels::simt::detail

// NOLINTBEGIN(readability-identifier-naming): CUDA's names

template <xr::kernels::simt::detail::AtomicInteger T>
T atomicAdd(T* address, std::type_identity_t<T> value) {
  return std::atomic_ref<T>(*address).fetch_add(value, std::memory_order_relaxed);
}
template <xr::kernels::simt::detail::AtomicInteger T>
T atomicOr(T* address, std::type_identity_t<T> value) {
  return std::atomic_ref<T>(*address).fetch_or(value, std::memory_order_relaxed);
}
template <xr::kernels::simt::detail::AtomicInteger T>
T atomicExch(T* address, std::type_identity_t<T> value) {
  return std::atomic_ref<T>(*address).exchange(value, std::memory_order_relaxed);
}
template <xr::kernels::simt::detail::AtomicInteger T>
T atomicMax(T* address, std::type_identity_t<T> value) {
  return xr::kernels::simt::detail::atomic_update(address, [&](T old) { return old < value ? value : old; });
}
template <xr::kernels::simt::detail::AtomicInteger T>
T atomicMin(T* address, std::type_identity_t<T> value) {
  return xr::kernels::simt::detail::atomic_update(address, [&](T old) { return value < old ? value : old; });
}
/// Stores `value` where `expected` is; the old value either way.
template <xr::kernels::simt::detail::AtomicInteger T>
T atomicCAS(T* address, std::type_identity_t<T> expected, std::type_identity_t<T> value) {
  std::atomic_ref<T>(*address).compare_exchange_strong(expected, value, std::memory_order_relaxed);
  return expected;
}

inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __threadfence_system() {}

// NOLINTEND(readability-identifier-naming)
