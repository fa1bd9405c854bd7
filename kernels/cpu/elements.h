// Activations as floats: inner loops compute in float, whether f32 or bf16 lies in memory.
//
// bf16 is widened into, and rounded from, buffers that stay in the first-level cache. That takes an extra pass over
// the cache, but the tensors, which are what these operations wait for, have half the bytes.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/common/bf16.h"
#include "kernels/common/stream.h"

namespace xr::kernels::cpu {

void widen(const Bf16* x, float* values, std::int64_t count);
/// To nearest, ties to even.
void round_to(Bf16* y, const float* values, std::int64_t count);

inline void put_floats(float* y, const float* values, std::int64_t count) {
  std::copy_n(values, count, y);
}
inline void put_floats(Bf16* y, const float* values, std::int64_t count) {
  round_to(y, values, count);
}

/// Elements of the pieces that have their buffers on the stack.
inline constexpr std::int64_t piece_elements = 2048;

/// x[0, count) to be read as floats.
template <class T>
class Floats;

template <>
class Floats<float> {
 public:
  Floats(const float* x, std::int64_t) : data_(x) {}
  [[nodiscard]] const float* data() const { return data_; }

 private:
  const float* data_;
};

template <>
class Floats<Bf16> {
 public:
  Floats(const Bf16* x, std::int64_t count) {
    if (count > piece_elements) {
      large_.resize(static_cast<std::size_t>(count));
      data_ = large_.data();
    }
    widen(x, data_, count);
  }
  Floats(const Floats&) = delete;
  Floats& operator=(const Floats&) = delete;
  [[nodiscard]] const float* data() const { return data_; }

 private:
  alignas(64) float buffer_[piece_elements];
  std::vector<float> large_;
  float* data_ = buffer_;
};

/// Calls kernel(float* values, first, count) for pieces of y[0, total), each a multiple of `period` but the last,
/// and keeps the values that it leaves. With `read` they hold y's before.
template <bool Read, class Kernel>
[[gnu::always_inline]] inline void rounded_pieces(bool stream, Bf16* y, std::int64_t total,
                                                  std::int64_t period, Kernel&& kernel) {
  alignas(64) float buffer[piece_elements];
  alignas(64) Bf16 rounded[piece_elements];
  std::vector<float> large;
  float* values = buffer;
  std::int64_t step = piece_elements / period * period;
  if (step == 0) {
    step = period;
    stream = false;
    large.resize(static_cast<std::size_t>(period));
    values = large.data();
  }
  for (std::int64_t first = 0; first < total; first += step) {
    const std::int64_t count = std::min(step, total - first);
    if constexpr (Read) widen(y + first, values, count);
    kernel(values, first, count);
    round_to(stream ? rounded : y + first, values, count);
    if (stream)
      stream_copy(reinterpret_cast<std::uint8_t*>(y + first), reinterpret_cast<const std::uint8_t*>(rounded),
                  count * static_cast<std::int64_t>(sizeof(Bf16)));
  }
  if (stream) stream_fence();
}

/// y = what kernel(float* values, first, count) writes for each piece of [0, total): see write_pieces in stream.h.
template <class Kernel>
[[gnu::always_inline]] inline void write_elements(bool stream, float* y, std::int64_t total,
                                                  std::int64_t period, Kernel&& kernel) {
  write_pieces(stream, y, total, period, kernel);
}
template <class Kernel>
[[gnu::always_inline]] inline void write_elements(bool stream, Bf16* y, std::int64_t total,
                                                  std::int64_t period, Kernel&& kernel) {
  rounded_pieces<false>(stream, y, total, period, kernel);
}

/// The same for a kernel that reads the values and changes them.
template <class Kernel>
[[gnu::always_inline]] inline void update_elements(float* y, std::int64_t total, std::int64_t /*period*/,
                                                   Kernel&& kernel) {
  kernel(y, 0, total);
}
template <class Kernel>
[[gnu::always_inline]] inline void update_elements(Bf16* y, std::int64_t total, std::int64_t period,
                                                   Kernel&& kernel) {
  rounded_pieces<true>(false, y, total, period, kernel);
}

}  // namespace xr::kernels::cpu
