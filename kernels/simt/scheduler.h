// The executor's state and its scheduler: one block at a time, one thread of it at a time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernels/simt/executor.h"
#include "kernels/simt/fiber.h"
#include "kernels/simt/run_queue.h"
#include "kernels/simt/shared_memory.h"

namespace xr::kernels::simt::detail {

enum class State : std::uint8_t { ready, at_barrier, in_meeting, done };

struct Abort {};  // unwinds the threads of a block that has failed

struct Thread {
  Fiber* fiber = nullptr;  // from its first statement to its last
  State state = State::ready;
  unsigned rank = 0;  // in the block
  uint3 index{};
  // While it waits:
  Site site{};
  unsigned mask = 0;
  const void* in = nullptr;
  void* out = nullptr;
  unsigned meeting = 0;
};

constexpr unsigned remembered_meetings = 64;

struct Warp {
  unsigned live = 0;     // lanes that have not ended
  unsigned waiting = 0;  // lanes in a meeting
  unsigned meetings = 0;
  std::array<char, remembered_meetings> sync{};  // for ThreadSanitizer: one object for each of the latest
};

class Executor {
 public:
  void run(dim3 grid, dim3 block, std::size_t shared_bytes, Body body);
  BarrierResult barrier(int predicate, const Site& site);
  void meet(unsigned mask, const void* in, void* out, const Meeting& meeting, const Site& site);
  [[noreturn]] void fail(const Site& site, const std::string& what) const;
  [[nodiscard]] void* dynamic_shared() const { return shared_->dynamic(); }
  [[nodiscard]] unsigned rank() const { return current_ == nullptr ? 0 : current_->rank; }

 private:
  static void fiber_main();
  void prepare(dim3 grid, dim3 block, std::size_t shared_bytes);
  void run_block();
  void run_thread();
  void end_thread();
  void park();
  Thread* next_thread();
  Fiber* fiber_for(const Thread& thread, Fiber* free);
  void switch_to(Fiber& from, Thread* to);
  void open_barrier();
  void make_ready(Thread& thread);
  [[nodiscard]] std::string where() const;  // kernel, block, and thread if one runs
  [[nodiscard]] std::string deadlock() const;
  void abort_block(std::string message);
  bool agree(unsigned mask, unsigned others, const Meeting& meeting, const Site& site) const;
  void complete_meeting(unsigned lanes, const Meeting& meeting, const Site& site);
  char* sync_object(Warp& warp, unsigned mask, unsigned others);

  Body body_{};
  std::vector<Thread> threads_;
  std::array<Warp, max_threads_per_block / 32> warps_{};
  RunQueue queue_;
  std::optional<SharedMemory> shared_;
  Thread* current_ = nullptr;
  unsigned live_ = 0;

  Site barrier_site_{};
  unsigned at_barrier_ = 0, barrier_nonzero_ = 0, barriers_ = 0;
  BarrierResult barrier_result_{};

  std::string error_;  // of the block, if it failed

  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> idle_;
  Fiber* main_ = nullptr;  // of the caller of launch()

  // Objects that ThreadSanitizer knows the order of threads by.
  char start_ = 0, finish_ = 0;
  std::array<char, 2> barrier_sync_{};
};

Executor& executor();

}  // namespace xr::kernels::simt::detail
