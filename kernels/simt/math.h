// The device functions of CUDA's mathematics that kernels use, global as in CUDA. expf, logf, fmaf, isnan and
// the like are the C library's.
#pragma once

#include <math.h>  // NOLINT(modernize-deprecated-headers): the global names are meant

#include <bit>
#include <cstdint>
#include <type_traits>

// NOLINTBEGIN(readability-identifier-naming): CUDA's names

/// As in CUDA: mixed integers meet in their common type, a NaN loses against a number.
template <class A, class B>
requires std::is_arithmetic_v<A> && std::is_arithmetic_v<B>
constexpr std::common_type_t<A, B> max(A a, B b) {
  using T = std::common_type_t<A, B>;
  const T left = static_cast<T>(a), right = static_cast<T>(b);
  if constexpr (std::is_floating_point_v<T>) {
    if (__builtin_isnan(left)) return right;
  }
  return left < right ? right : left;
}

template <class A, class B>
requires std::is_arithmetic_v<A> && std::is_arithmetic_v<B>
constexpr std::common_type_t<A, B> min(A a, B b) {
  using T = std::common_type_t<A, B>;
  const T left = static_cast<T>(a), right = static_cast<T>(b);
  if constexpr (std::is_floating_point_v<T>) {
    if (__builtin_isnan(left)) return right;
  }
  return right < left ? right : left;
}

// glibc 2.42 has an rsqrtf of its own.
#if !defined(__GLIBC__) || __GLIBC__ < 2 || (__GLIBC__ == 2 && __GLIBC_MINOR__ < 42)
inline float rsqrtf(float x) {
  return 1.0F / ::sqrtf(x);
}
#endif
inline float __expf(float x) {
  return ::expf(x);
}
inline float __logf(float x) {
  return ::logf(x);
}
inline float __fdividef(float x, float y) {
  return x / y;
}
inline float __fmaf_rn(float x, float y, float z) {
  return ::fmaf(x, y, z);
}
inline float __fadd_rn(float x, float y) {
  return x + y;
}
inline float __fsub_rn(float x, float y) {
  return x - y;
}
inline float __fmul_rn(float x, float y) {
  return x * y;
}
inline float __fdiv_rn(float x, float y) {
  return x / y;
}
inline float __fsqrt_rn(float x) {
  return ::sqrtf(x);
}
inline float __frcp_rn(float x) {
  return 1.0F / x;
}
inline float __saturatef(float x) {
  return x > 0.0F ? (x < 1.0F ? x : 1.0F) : 0.0F;
}

constexpr std::uint32_t __float_as_uint(float x) {
  return std::bit_cast<std::uint32_t>(x);
}
constexpr int __float_as_int(float x) {
  return std::bit_cast<int>(x);
}
constexpr float __uint_as_float(std::uint32_t x) {
  return std::bit_cast<float>(x);
}
constexpr float __int_as_float(int x) {
  return std::bit_cast<float>(x);
}

constexpr int __popc(unsigned x) {
  return std::popcount(x);
}
constexpr int __popcll(unsigned long long x) {
  return std::popcount(x);
}
constexpr int __clz(int x) {
  return std::countl_zero(static_cast<unsigned>(x));
}
constexpr int __clzll(long long x) {
  return std::countl_zero(static_cast<unsigned long long>(x));
}
constexpr int __ffs(int x) {
  return x == 0 ? 0 : std::countr_zero(static_cast<unsigned>(x)) + 1;
}
constexpr int __ffsll(long long x) {
  return x == 0 ? 0 : std::countr_zero(static_cast<unsigned long long>(x)) + 1;
}
constexpr unsigned __brev(unsigned x) {
  unsigned reversed = 0;
  for (int bit = 0; bit < 32; ++bit) reversed |= (x >> bit & 1U) << (31 - bit);
  return reversed;
}
constexpr unsigned __umulhi(unsigned x, unsigned y) {
  return static_cast<unsigned>(static_cast<std::uint64_t>(x) * y >> 32);
}
constexpr int __mulhi(int x, int y) {
  return static_cast<int>(static_cast<std::int64_t>(x) * y >> 32);
}

// Loads and stores with a hint for the cache: a CPU needs none.
template <class T>
T __ldg(const T* address) {
  return *address;
}
template <class T>
T __ldca(const T* address) {
  return *address;
}
template <class T>
T __ldcg(const T* address) {
  return *address;
}
template <class T>
T __ldcs(const T* address) {
  return *address;
}
template <class T>
T __ldlu(const T* address) {
  return *address;
}
template <class T>
void __stwb(T* address, std::type_identity_t<T> value) {
  *address = value;
}
template <class T>
void __stcg(T* address, std::type_identity_t<T> value) {
  *address = value;
}
template <class T>
void __stcs(T* address, std::type_identity_t<T> value) {
  *address = value;
}

// NOLINTEND(readability-identifier-naming)
