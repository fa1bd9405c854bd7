#include "kernels/simt/run_queue.h"

#include <bit>
#include <numeric>
#include <utility>

namespace xr::kernels::simt::detail {

void RunQueue::start(const Config& config, unsigned threads) {
  config_ = config;
  random_state_ = config.seed;
  block_offset_ = random();
  words_ = (threads + 31) / 32;
  thread_.resize(threads);
  position_.resize(threads);
  for (unsigned i = 0; i < threads; ++i) {
    thread_[i] = config.order == Order::reverse ? threads - 1 - i : i;
    position_[thread_[i]] = i;
  }
}

void RunQueue::begin_phase() {
  ready_ = {};
  cursor_ = 0;
  if (config_.order != Order::shuffled) return;
  for (std::size_t i = thread_.size() - 1; i > 0; --i)
    std::swap(thread_[i], thread_[(random() >> 32) * (i + 1) >> 32]);
  for (unsigned i = 0; i < thread_.size(); ++i) position_[thread_[i]] = i;
}

unsigned RunQueue::take(unsigned word, unsigned bits) {
  const unsigned position = word * 32 + static_cast<unsigned>(std::countr_zero(bits));
  cursor_ = position + 1;
  return thread_[position];
}

unsigned RunQueue::next() {
  if (config_.order == Order::warp_first) {
    const unsigned own = cursor_ == 0 ? 0 : (cursor_ - 1) / 32;
    const unsigned after = cursor_ % 32 == 0 ? 0 : ready_[own] & ~0U << cursor_ % 32;
    if (after != 0) return take(own, after);
    if (ready_[own] != 0) return take(own, ready_[own]);
  }
  unsigned word = cursor_ / 32;
  if (word < words_) {
    const unsigned after = ready_[word] & ~0U << cursor_ % 32;
    if (after != 0) return take(word, after);
    ++word;
  }
  for (unsigned i = 0; i < words_; ++i, ++word) {
    if (word >= words_) word = 0;
    if (ready_[word] != 0) return take(word, ready_[word]);
  }
  return none;
}

std::uint64_t RunQueue::block(std::uint64_t turn, std::uint64_t blocks) const {
  if (config_.order == Order::reverse) return blocks - 1 - turn;
  if (config_.order != Order::shuffled || blocks < 2 || blocks > 0xFFFFFFFF) return turn;
  // i -> offset + i * step is a permutation where step and the number of blocks have no common factor.
  std::uint64_t step = block_offset_ % (blocks - 1) + 1;
  while (std::gcd(step, blocks) != 1) --step;
  return (turn * step + block_offset_ % blocks) % blocks;
}

// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
std::uint64_t RunQueue::random() {
  std::uint64_t z = random_state_ += 0x9E3779B97F4A7C15U;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9U;
  z = (z ^ z >> 27) * 0x94D049BB133111EBU;
  return z ^ z >> 31;
}

}  // namespace xr::kernels::simt::detail
