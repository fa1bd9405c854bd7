#include "kernels/common/stream.h"

#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace xr::kernels {

bool worth_streaming(std::int64_t bytes) {
  // Half of a usual last-level cache: below that, the next operation finds its input still there.
  return bytes >= std::int64_t{16} << 20;
}

#if defined(__x86_64__)

namespace {

// Both copy whole 64-byte lines; `to` is aligned to a line.
using CopyLines = void (*)(char* to, const char* from, std::int64_t lines);

__attribute__((target("avx512f"))) void copy_lines_avx512(char* to, const char* from, std::int64_t lines) {
  for (std::int64_t i = 0; i < lines; ++i)
    _mm512_stream_si512(reinterpret_cast<__m512i*>(to + i * 64), _mm512_loadu_si512(from + i * 64));
}

void copy_lines_sse2(char* to, const char* from, std::int64_t lines) {
  for (std::int64_t i = 0; i < lines * 4; ++i)
    _mm_stream_si128(reinterpret_cast<__m128i*>(to + i * 16),
                     _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i * 16)));
}

CopyLines choose_copy_lines() {
  return __builtin_cpu_supports("avx512f") ? copy_lines_avx512 : copy_lines_sse2;
}

void stream_bytes(char* to, const char* from, std::int64_t bytes) {
  static const CopyLines copy_lines = choose_copy_lines();
  const auto misaligned = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(to) % 64);
  const std::int64_t head = std::min(bytes, misaligned == 0 ? 0 : 64 - misaligned);
  std::memcpy(to, from, static_cast<std::size_t>(head));
  const std::int64_t lines = (bytes - head) / 64, tail = head + lines * 64;
  copy_lines(to + head, from + head, lines);
  std::memcpy(to + tail, from + tail, static_cast<std::size_t>(bytes - tail));
}

}  // namespace

void stream_fence() {
  _mm_sfence();
}

#else

void stream_fence() {}

namespace {
void stream_bytes(char* to, const char* from, std::int64_t bytes) {
  std::memcpy(to, from, static_cast<std::size_t>(bytes));
}
}  // namespace

#endif

void stream_copy(float* to, const float* from, std::int64_t count) {
  stream_bytes(reinterpret_cast<char*>(to), reinterpret_cast<const char*>(from), count * 4);
}

void stream_copy(std::uint8_t* to, const std::uint8_t* from, std::int64_t count) {
  stream_bytes(reinterpret_cast<char*>(to), reinterpret_cast<const char*>(from), count);
}

}  // namespace xr::kernels
