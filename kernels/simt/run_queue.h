// Which thread of a block runs next.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "kernels/simt/config.h"

namespace xr::kernels::simt::detail {

/// Threads that could run now, in the order of config.h. A thread is its number in the block.
class RunQueue {
 public:
  static constexpr unsigned none = ~0U;

  /// Before a launch.
  void start(const Config& config, unsigned threads);
  /// Before a block, and when a barrier opens: the order begins anew; nobody is ready.
  void begin_phase();

  void insert(unsigned thread) { word_of(thread) |= bit_of(thread); }
  void remove(unsigned thread) { word_of(thread) &= ~bit_of(thread); }

  /// The ready thread whose turn it is, or none. It stays in the queue until it is removed.
  unsigned next();

  /// The block that runs as number `turn` of `blocks`.
  [[nodiscard]] std::uint64_t block(std::uint64_t turn, std::uint64_t blocks) const;

 private:
  unsigned& word_of(unsigned thread) { return ready_[position_[thread] / 32]; }
  [[nodiscard]] unsigned bit_of(unsigned thread) const { return 1U << position_[thread] % 32; }
  unsigned take(unsigned word, unsigned bits);
  std::uint64_t random();

  Config config_;
  std::vector<unsigned> thread_;      // by position
  std::vector<unsigned> position_;    // by thread
  std::array<unsigned, 32> ready_{};  // a bit for each position
  unsigned words_ = 0;
  unsigned cursor_ = 0;  // the position after that of the thread that ran last
  std::uint64_t random_state_ = 0, block_offset_ = 0;
};

}  // namespace xr::kernels::simt::detail
