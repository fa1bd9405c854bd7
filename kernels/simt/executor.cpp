#include "kernels/simt/executor.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <numeric>
#include <string>
#include <vector>

#include "kernels/error.h"
#include "kernels/simt/fiber.h"
#include "kernels/simt/thread_state.h"

namespace xr::kernels::simt::detail {

namespace {

enum class State : std::uint8_t { ready, barrier, meeting, done };

struct Abort {};  // unwinds the threads of a block that has failed

struct Thread {
  Fiber* fiber = nullptr;  // null until it first runs, and after its end
  State state = State::ready;
  uint3 index{};
  unsigned position = 0;  // in the order of running
  // Where it waits:
  Site site{};
  unsigned mask = 0;
  const void* in = nullptr;
  void* out = nullptr;
  unsigned sync = 0;
};

struct Warp {
  unsigned live = 0;     // lanes that have not ended
  unsigned waiting = 0;  // lanes in a meeting
  unsigned meetings = 0;
  std::array<char, 64> sync{};  // ThreadSanitizer's objects, one for each of the latest meetings
};

constexpr std::size_t guard_bytes = 4096;
constexpr unsigned guard_word = 0xFFA5FFA5;  // a NaN as float, bfloat16 and half

class Executor {
 public:
  void run(dim3 grid, dim3 block, std::size_t shared_bytes, Body body);
  BarrierResult barrier(int predicate, const Site& site);
  void meet(unsigned mask, const void* in, void* out, const Meeting& meeting, const Site& site);
  [[noreturn]] void fail(const Site& site, const std::string& what) const;
  void* dynamic_shared() { return shared(); }
  unsigned rank() const { return static_cast<unsigned>(current_ - threads_.data()); }
  bool running() const { return current_ != nullptr; }

 private:
  static void fiber_main();
  void run_block();
  void run_current();
  void finish_current();
  void park();
  Thread* next();
  void deadlock();
  void abort_block(std::string message);
  void open_barrier();
  void make_ready(Thread& thread);
  void reorder();
  std::uint64_t random();
  std::string where(const Thread& thread) const;
  std::byte* shared() { return shared_.data() + shared_offset_; }
  void prepare_shared();
  void check_shared();

  Config config_;
  Body body_{};
  std::vector<Thread> threads_;
  std::vector<unsigned> order_;
  std::array<unsigned, 32> ready_{};  // bits, by position
  std::array<Warp, 32> warps_{};
  Thread* current_ = nullptr;
  unsigned live_ = 0, at_barrier_ = 0, barrier_nonzero_ = 0, barriers_ = 0;
  Site barrier_site_{};
  BarrierResult barrier_result_{};
  bool aborting_ = false;
  std::string error_;
  std::uint64_t random_state_ = 0;

  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> idle_;
  Fiber* main_ = nullptr;
  std::vector<std::byte> shared_;
  std::size_t shared_offset_ = 0, shared_bytes_ = 0;
  char start_ = 0, finish_ = 0;
  std::array<char, 2> barrier_sync_{};
};

Executor& executor() {
  static auto* instance = new Executor;  // never destroyed: fibers may not outlive their sanitizer
  return *instance;
}

std::string Executor::where(const Thread& thread) const {
  return fmt::format("thread ({},{},{}) of block ({},{},{})", thread.index.x, thread.index.y, thread.index.z,
                     block_index.x, block_index.y, block_index.z);
}

void Executor::fail(const Site& site, const std::string& what) const {
  throw Error(
      fmt::format("simt: {}:{}: {} by {}: {}", site.file, site.line, site.operation, where(*current_), what));
}

void Executor::make_ready(Thread& thread) {
  thread.state = State::ready;
  ready_[thread.position / 32] |= 1U << thread.position % 32;
}

std::uint64_t Executor::random() {  // SplitMix64
  std::uint64_t z = random_state_ += 0x9E3779B97F4A7C15U;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9U;
  z = (z ^ z >> 27) * 0x94D049BB133111EBU;
  return z ^ z >> 31;
}

void Executor::reorder() {
  for (std::size_t i = order_.size() - 1; i > 0; --i)
    std::swap(order_[i], order_[(random() >> 32) * (i + 1) >> 32]);
  for (unsigned i = 0; i < order_.size(); ++i) threads_[order_[i]].position = i;
}

Thread* Executor::next() {
  const unsigned words = static_cast<unsigned>((order_.size() + 31) / 32);
  const unsigned position = current_ != nullptr ? current_->position + 1 : 0;
  unsigned word = position / 32;
  if (word >= words) word = 0;
  const unsigned beyond = position % 32 == 0 ? ~0U : ~0U << position % 32;
  const bool warp_first = config_.order == Order::warp_first;
  const unsigned own = current_ != nullptr ? current_->position / 32 : 0;
  if (warp_first && ready_[own] != 0)
    return &threads_[order_[own * 32 + static_cast<unsigned>(__builtin_ctz(ready_[own]))]];
  for (unsigned n = 0; n <= words; ++n) {
    const unsigned bits = ready_[word] & (n == 0 ? beyond : ~0U);
    if (bits != 0) return &threads_[order_[word * 32 + static_cast<unsigned>(__builtin_ctz(bits))]];
    word = word + 1 == words ? 0 : word + 1;
  }
  return nullptr;
}

// Goes on with another thread; returns when the current one is its turn again.
void Executor::park() {
  Thread* me = current_;
  Thread* to = next();
  if (to == nullptr) {
    deadlock();
    to = next();
  }
  if (to != me) {
    if (to->fiber == nullptr) {
      if (idle_.empty()) {
        fibers_.push_back(std::make_unique<Fiber>(&Executor::fiber_main));
        idle_.push_back(fibers_.back().get());
      }
      to->fiber = idle_.back();
      idle_.pop_back();
    }
    current_ = to;
    thread_index = to->index;
    me->fiber->switch_to(*to->fiber);
  }
  ready_[me->position / 32] &= ~(1U << me->position % 32);
  if (aborting_) throw Abort{};
}

void Executor::fiber_main() {
  Fiber::entered();
  Executor& ex = executor();
  for (;;) {
    ex.run_current();
    ex.finish_current();
  }
}

void Executor::run_current() {
  ready_[current_->position / 32] &= ~(1U << current_->position % 32);
  acquire_memory(&start_);
  std::string message;
  try {
    body_.run(body_.context);
    thread_ended();
  } catch (const Abort&) {
  } catch (const Error& e) {
    message = e.what();
  } catch (const std::exception& e) {
    message = fmt::format("simt: {}: {}", where(*current_), e.what());
  }
  release_memory(&finish_);
  if (!message.empty()) abort_block(std::move(message));
}

void Executor::finish_current() {
  Thread& me = *current_;
  Fiber* fiber = std::exchange(me.fiber, nullptr);
  const unsigned rank = this->rank();
  me.state = State::done;
  warps_[rank / 32].live &= ~(1U << rank % 32);
  --live_;
  if (live_ != 0 && at_barrier_ == live_) open_barrier();
  if (live_ == 0) {
    idle_.push_back(fiber);
    current_ = nullptr;
    fiber->switch_to(*main_);
    return;
  }
  Thread* to = next();
  if (to == nullptr) {
    deadlock();
    to = next();
    if (to == nullptr) {
      idle_.push_back(fiber);
      current_ = nullptr;
      fiber->switch_to(*main_);
      return;
    }
  }
  current_ = to;
  thread_index = to->index;
  if (to->fiber == nullptr) {
    to->fiber = fiber;
    return;
  }
  idle_.push_back(fiber);
  fiber->switch_to(*to->fiber);
}

void Executor::abort_block(std::string message) {
  if (!aborting_) error_ = std::move(message);
  aborting_ = true;
  at_barrier_ = 0;
  for (Thread& t : threads_) {
    if (&t == current_ || t.state == State::done) continue;
    if (t.fiber != nullptr) {
      make_ready(t);
    } else {
      t.state = State::done;
      ready_[t.position / 32] &= ~(1U << t.position % 32);
      --live_;
    }
  }
}

void Executor::deadlock() {
  std::string message = "simt: deadlock:";
  int listed = 0;
  const Thread* last = nullptr;
  for (const Thread& t : threads_) {
    if (t.state != State::barrier && t.state != State::meeting) continue;
    if (last != nullptr && last->site.line == t.site.line && last->mask == t.mask && last->state == t.state)
      continue;
    if (listed++ < 8)
      message += fmt::format("{} {} waits at {}:{} {}", listed > 1 ? ";" : "", where(t), t.site.file,
                             t.site.line, t.site.operation);
    if (listed <= 8 && t.state == State::meeting) message += fmt::format(" for lanes {:#x}", t.mask);
    last = &t;
  }
  Thread* me = current_;
  const bool ended = me->state == State::done;
  abort_block(message);
  if (!ended) make_ready(*me);
}

void Executor::open_barrier() {
  barrier_result_ = {static_cast<int>(barrier_nonzero_), static_cast<int>(at_barrier_)};
  at_barrier_ = barrier_nonzero_ = 0;
  ++barriers_;
  if (config_.order == Order::shuffled) reorder();
  for (Thread& t : threads_)
    if (t.state == State::barrier) make_ready(t);
}

BarrierResult Executor::barrier(int predicate, const Site& site) {
  if (at_barrier_ == 0) {
    barrier_site_ = site;
  } else if (site.line != barrier_site_.line || std::strcmp(site.file, barrier_site_.file) != 0 ||
             std::strcmp(site.operation, barrier_site_.operation) != 0) {
    fail(site, fmt::format("divergent barrier: other threads of the block wait at {}:{} {}",
                           barrier_site_.file, barrier_site_.line, barrier_site_.operation));
  }
  Thread& me = *current_;
  me.site = site;
  me.mask = 0;
  me.state = State::barrier;
  barrier_nonzero_ += predicate != 0;
  char* sync = &barrier_sync_[barriers_ % 2];
  release_memory(sync);
  if (++at_barrier_ == live_) open_barrier();
  park();
  acquire_memory(sync);
  return barrier_result_;
}

void Executor::meet(unsigned mask, const void* in, void* out, const Meeting& meeting, const Site& site) {
  Thread& me = *current_;
  const unsigned rank = this->rank(), lane = rank % 32;
  Warp& warp = warps_[rank / 32];
  Thread* lanes = &threads_[rank - lane];
  if ((mask >> lane & 1) == 0) fail(site, fmt::format("lane {} is not in its own mask {:#x}", lane, mask));
  if (meeting.aligned && (mask & warp.live) != ~0U)
    fail(site, fmt::format("needs all 32 lanes of the warp, {:#x} are there", mask & warp.live));
  me.site = site;
  me.mask = mask;
  me.in = in;
  me.out = out;
  const unsigned group = mask & warp.live;
  const unsigned others = group & warp.waiting;
  bool found = false;
  bool complete = (others | 1U << lane) == group;
  for_each_lane(others, [&](int l) {
    const Thread& t = lanes[l];
    if (t.mask != mask) {
      complete = false;
      if (t.mask >> lane & 1)
        fail(site, fmt::format("its mask is {:#x}, but lane {} waits for it at {}:{} {} with the mask {:#x}",
                               mask, l, t.site.file, t.site.line, t.site.operation, t.mask));
      return;
    }
    if (std::strcmp(t.site.operation, site.operation) != 0 || (meeting.aligned && t.site.line != site.line))
      fail(site, fmt::format("the lanes of one mask meet in different operations: lane {} waits at {}:{} {}",
                             l, t.site.file, t.site.line, t.site.operation));
    found = true;
    me.sync = t.sync;
  });
  if (!found) me.sync = ++warp.meetings % 64;
  char* sync = &warp.sync[me.sync];
  if (meeting.orders_memory) release_memory(sync);
  if (complete) {
    const void* ins[32] = {};
    void* outs[32] = {};
    for_each_lane(group, [&](int l) {
      ins[l] = lanes[l].in;
      outs[l] = lanes[l].out;
    });
    meeting.combine(group, ins, outs, site);
    warp.waiting &= ~group;
    for_each_lane(others, [&](int l) { make_ready(lanes[l]); });
  } else {
    warp.waiting |= 1U << lane;
    me.state = State::meeting;
    park();
  }
  if (meeting.orders_memory) acquire_memory(sync);
}

void Executor::prepare_shared() {
  shared_.resize(2 * guard_bytes + 1024 + shared_bytes_);
  const auto address = reinterpret_cast<std::uintptr_t>(shared_.data());
  shared_offset_ = (address + guard_bytes + 1023) / 1024 * 1024 - address;
#if defined(XR_SIMT_ASAN)
  ASAN_UNPOISON_MEMORY_REGION(shared_.data(), shared_.size());
#endif
  std::memset(shared(), 0xFF, shared_bytes_);
  for (std::size_t i = 0; i < guard_bytes; i += sizeof(guard_word)) {
    std::memcpy(shared() - guard_bytes + i, &guard_word, sizeof(guard_word));
    std::memcpy(shared() + shared_bytes_ + i, &guard_word, sizeof(guard_word));
  }
#if defined(XR_SIMT_ASAN)
  ASAN_POISON_MEMORY_REGION(shared() - guard_bytes, guard_bytes);
  ASAN_POISON_MEMORY_REGION(shared() + shared_bytes_, guard_bytes);
#endif
}

void Executor::check_shared() {
#if defined(XR_SIMT_ASAN)
  ASAN_UNPOISON_MEMORY_REGION(shared_.data(), shared_.size());
#endif
  for (std::size_t i = 0; i < guard_bytes; ++i) {
    const auto expected = reinterpret_cast<const std::byte*>(&guard_word)[i % 4];
    XR_CHECK(shared()[shared_bytes_ + i] == expected,
             "simt: block ({},{},{}) wrote beyond its {} bytes of dynamic shared memory, at byte {}",
             block_index.x, block_index.y, block_index.z, shared_bytes_, shared_bytes_ + i);
    XR_CHECK(shared()[i - guard_bytes] == reinterpret_cast<const std::byte*>(&guard_word)[i % 4],
             "simt: block ({},{},{}) wrote before its dynamic shared memory, at byte -{}", block_index.x,
             block_index.y, block_index.z, guard_bytes - i);
  }
}

void Executor::run_block() {
  const auto n = static_cast<unsigned>(threads_.size());
  live_ = n;
  at_barrier_ = barrier_nonzero_ = 0;
  aborting_ = false;
  error_.clear();
  ready_ = {};
  for (unsigned w = 0; w < 32; ++w) {
    const unsigned first = std::min(n, w * 32), count = std::min(n, w * 32 + 32) - first;
    warps_[w].live = count == 32 ? ~0U : (1U << count) - 1;
    warps_[w].waiting = 0;
  }
  if (config_.order == Order::shuffled) reorder();
  for (Thread& t : threads_) make_ready(t);
  prepare_shared();
  release_memory(&start_);
  current_ = nullptr;
  Thread* first = next();
  if (idle_.empty()) {
    fibers_.push_back(std::make_unique<Fiber>(&Executor::fiber_main));
    idle_.push_back(fibers_.back().get());
  }
  first->fiber = idle_.back();
  idle_.pop_back();
  current_ = first;
  thread_index = first->index;
  main_->switch_to(*first->fiber);
  acquire_memory(&finish_);
  block_ended();
  if (aborting_) throw Error(error_);
  check_shared();
}

void Executor::run(dim3 grid, dim3 block, std::size_t shared_bytes, Body body) {
  Fiber main;
  main_ = &main;
  config_ = simt::config();
  body_ = body;
  shared_bytes_ = shared_bytes;
  random_state_ = config_.seed;
  grid_size = grid;
  block_size = block;
  threads_.assign(block.x * block.y * block.z, {});
  order_.resize(threads_.size());
  for (unsigned i = 0; i < order_.size(); ++i) {
    order_[i] = config_.order == Order::reverse ? static_cast<unsigned>(order_.size()) - 1 - i : i;
    threads_[order_[i]].position = i;
    threads_[i].index = {i % block.x, i / block.x % block.y, i / (block.x * block.y)};
  }
  for (unsigned z = 0; z < grid.z; ++z)
    for (unsigned y = 0; y < grid.y; ++y)
      for (unsigned x = 0; x < grid.x; ++x) {
        block_index = {x, y, z};
        run_block();
      }
}

}  // namespace

void run_grid(dim3 grid, dim3 block, std::size_t shared_bytes, Body body) {
  XR_CHECK(
      grid.x > 0 && grid.y > 0 && grid.z > 0 && grid.x <= 0x7FFFFFFF && grid.y <= 65535 && grid.z <= 65535,
      "simt: a grid of {} x {} x {} blocks cannot be launched: 1 to 2147483647 x 65535 x 65535 can", grid.x,
      grid.y, grid.z);
  XR_CHECK(block.x > 0 && block.y > 0 && block.z > 0 && block.x <= 1024 && block.y <= 1024 && block.z <= 64 &&
               block.x * block.y * block.z <= max_threads_per_block,
           "simt: a block of {} x {} x {} threads cannot be launched: it may have {} threads, 64 in z",
           block.x, block.y, block.z, max_threads_per_block);
  XR_CHECK(shared_bytes <= max_shared_bytes,
           "simt: {} bytes of dynamic shared memory asked for, {} are there", shared_bytes, max_shared_bytes);
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  executor().run(grid, block, shared_bytes, body);
}

void fail(const Site& site, const char* what) {
  executor().fail(site, what);
}
void* dynamic_shared() {
  return executor().dynamic_shared();
}
unsigned thread_rank() {
  return executor().rank();
}
BarrierResult barrier(int predicate, const Site& site) {
  return executor().barrier(predicate, site);
}
void meet(unsigned mask, const void* in, void* out, const Meeting& meeting, const Site& site) {
  executor().meet(mask, in, out, meeting, site);
}

}  // namespace xr::kernels::simt::detail
