// Philox4x32-10: counter-based random numbers, the same on every device.
//
// Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011. A draw is a pure
// function of (seed, stream, counter), so any thread, block or process can compute any draw without shared
// state.
#pragma once

#include <array>
#include <cstdint>

#if defined(__CUDACC__)
#define XR_HOST_DEVICE __host__ __device__
#else
#define XR_HOST_DEVICE
#endif

namespace xr {

/// Four 32-bit words for one (seed, stream, counter).
struct PhiloxBlock {
  std::uint32_t word[4];
};

/// The ten-round Philox4x32 bijection: key = seed (2 words), counter block = (counter, stream), 64 bits each.
XR_HOST_DEVICE inline PhiloxBlock philox(std::uint64_t seed, std::uint64_t stream, std::uint64_t counter) {
  std::uint32_t c0 = static_cast<std::uint32_t>(counter), c1 = static_cast<std::uint32_t>(counter >> 32);
  std::uint32_t c2 = static_cast<std::uint32_t>(stream), c3 = static_cast<std::uint32_t>(stream >> 32);
  std::uint32_t k0 = static_cast<std::uint32_t>(seed), k1 = static_cast<std::uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t p0 = std::uint64_t{0xD2511F53u} * c0, p1 = std::uint64_t{0xCD9E8D57u} * c2;
    const std::uint32_t n0 = static_cast<std::uint32_t>(p1 >> 32) ^ c1 ^ k0;
    const std::uint32_t n2 = static_cast<std::uint32_t>(p0 >> 32) ^ c3 ^ k1;
    c1 = static_cast<std::uint32_t>(p1);
    c3 = static_cast<std::uint32_t>(p0);
    c0 = n0;
    c2 = n2;
    k0 += 0x9E3779B9u;  // Weyl sequence of the paper: golden ratio and sqrt(3) - 1
    k1 += 0xBB67AE85u;
  }
  return {{c0, c1, c2, c3}};
}

/// Uniform in [0, 1) with 24 random bits, exact in float.
XR_HOST_DEVICE inline float uniform_float(std::uint32_t word) {
  return static_cast<float>(word >> 8) * (1.0f / 16777216.0f);
}

/// Draw number `index` of the stream: word index % 4 of block index / 4. Used by every kernel that needs one
/// word per element (dropout), so that the mask depends on the element's logical index alone.
XR_HOST_DEVICE inline std::uint32_t philox_word(std::uint64_t seed, std::uint64_t stream,
                                                std::uint64_t index) {
  return philox(seed, stream, index / 4).word[index % 4];
}

/// Well-known stream numbers, so that two uses of one seed never meet. Low bits are free for the caller
/// (for example the epoch and image of an augmentation).
enum class RandomPurpose : std::uint64_t {
  initial_weights = 1,
  dropout = 2,
  shuffle = 3,
  augmentation = 4,
  split = 5,
  phantom = 6,
  bootstrap = 7,
};

/// Stream number of a purpose and a 48-bit sub-stream.
constexpr std::uint64_t stream_of(RandomPurpose purpose, std::uint64_t sub_stream = 0) {
  return static_cast<std::uint64_t>(purpose) << 48 | (sub_stream & 0xFFFFFFFFFFFFu);
}

/// Sequential reader of one stream, for host code.
class Philox {
 public:
  Philox(std::uint64_t seed, std::uint64_t stream) : seed_(seed), stream_(stream) {}

  std::uint32_t next_u32() {
    const std::uint64_t index = index_++;
    if (index % 4 == 0) block_ = philox(seed_, stream_, index / 4);
    return block_.word[index % 4];
  }
  /// Goes on as if `count` words had been read.
  void skip(std::uint64_t count) {
    index_ += count;
    if (index_ % 4 != 0) block_ = philox(seed_, stream_, index_ / 4);
  }
  /// Uniform in [0, 1), 24 bits.
  float uniform() { return uniform_float(next_u32()); }
  /// Uniform in [low, high).
  float uniform(float low, float high) { return low + (high - low) * uniform(); }
  /// Uniform integer in [0, bound), without modulo bias; bound must be positive.
  std::uint32_t below(std::uint32_t bound) {
    const std::uint32_t limit = 0xFFFFFFFFu - (0xFFFFFFFFu % bound + 1) % bound;
    for (;;)
      if (const std::uint32_t word = next_u32(); word <= limit) return word % bound;
  }
  /// Standard normal (Box-Muller, one of the pair is used); reads words_per_normal words.
  static constexpr std::uint64_t words_per_normal = 2;
  float normal();

 private:
  std::uint64_t seed_, stream_, index_ = 0;
  PhiloxBlock block_{};
};

}  // namespace xr
