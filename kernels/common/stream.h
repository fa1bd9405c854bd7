// Writing outputs that are larger than the caches around them.
//
// An ordinary store first reads the line that it overwrites. A non-temporal store does not: a pass that reads
// and writes one tensor moves 2 instead of 3 tensors. Loops compute into a small buffer that stays in the
// first-level cache, and stream_copy moves it out; so the loops themselves need no special instructions.
// Measured: backward of batch norm + ReLU + pooling of 60x32x226x226, 18.8 ms with it and 21.4 without.
#pragma once

#include <algorithm>
#include <cstdint>

namespace xr::kernels {

/// Whether an output of so many bytes should go around the caches: if it would not stay in them anyway.
[[nodiscard]] bool worth_streaming(std::int64_t bytes);

/// Copies with non-temporal stores where the processor has them; any alignment.
void stream_copy(float* to, const float* from, std::int64_t count);
void stream_copy(std::uint8_t* to, const std::uint8_t* from, std::int64_t count);
/// Must follow the last stream_copy of a thread's task, so that other threads see the data.
void stream_fence();

/// Calls kernel(destination, first, count) for pieces of [0, total) of `period`'s multiple and lets it write
/// either to `to + first` directly or to a buffer that is then streamed there.
template <class T, class Kernel>
[[gnu::always_inline]] inline void write_pieces(bool stream, T* to, std::int64_t total, std::int64_t period,
                                                Kernel&& kernel) {
  constexpr std::int64_t buffer_elements = 2048;
  if (!stream || period > buffer_elements) return kernel(to, 0, total);
  alignas(64) T buffer[buffer_elements];
  const std::int64_t step = buffer_elements / period * period;
  for (std::int64_t first = 0; first < total; first += step) {
    const std::int64_t count = std::min(step, total - first);
    kernel(buffer, first, count);
    stream_copy(reinterpret_cast<std::uint8_t*>(to + first), reinterpret_cast<const std::uint8_t*>(buffer),
                count * static_cast<std::int64_t>(sizeof(T)));
  }
  stream_fence();
}

}  // namespace xr::kernels
