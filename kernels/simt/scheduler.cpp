#include "kernels/simt/scheduler.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "kernels/common/error.h"
#include "kernels/simt/config.h"
#include "kernels/simt/pending_copies.h"
#include "kernels/simt/program_image.h"

namespace xr::kernels::simt::detail {

Executor& executor() {
  static auto* instance = new Executor;  // for ever: the stacks must outlive whatever runs at exit
  return *instance;
}

void Executor::make_ready(Thread& thread) {
  thread.state = State::ready;
  queue_.insert(thread.rank);
}

Thread* Executor::next_thread() {
  const unsigned rank = queue_.next();
  if (rank == RunQueue::none) return nullptr;
  queue_.remove(rank);
  return &threads_[rank];
}

// A stack for a thread that begins: `free` if there is one, so that threads which never wait share a stack.
// ThreadSanitizer takes a stack for a thread: there each thread of the block has its own.
Fiber* Executor::fiber_for([[maybe_unused]] const Thread& thread, [[maybe_unused]] Fiber* free) {
#if defined(XR_SIMT_TSAN)
  while (fibers_.size() <= thread.rank) fibers_.push_back(std::make_unique<Fiber>(&Executor::fiber_main));
  return fibers_[thread.rank].get();
#else
  if (free != nullptr) return free;
  if (idle_.empty()) {
    fibers_.push_back(std::make_unique<Fiber>(&Executor::fiber_main));
    return fibers_.back().get();
  }
  Fiber* fiber = idle_.back();
  idle_.pop_back();
  return fiber;
#endif
}

// Leaves `from` for the thread `to`, or for the caller of launch() if there is none.
void Executor::switch_to(Fiber& from, Thread* to) {
  current_ = to;
  if (to == nullptr) {
    from.switch_to(*main_);
    return;
  }
  thread_index = to->index;
  if (to->fiber == nullptr) to->fiber = fiber_for(*to, nullptr);
  from.switch_to(*to->fiber);
}

void Executor::fiber_main() {
  Fiber::entered();
  const IgnoreMemoryAccesses ignore;
  Executor& ex = executor();
  for (;;) {
    ex.run_thread();
    ex.end_thread();
  }
}

void Executor::run_thread() {
  acquire_memory(&start_);
  std::string message;
  try {
    const ObserveMemoryAccesses observe;
    body_.run(body_.context);
    check_copies_landed();
  } catch (const Abort&) {
  } catch (const Error& e) {
    message = e.what();
  } catch (const std::exception& e) {
    message = fmt::format("simt: {}: {}", where(), e.what());
  } catch (...) {
    message = fmt::format("simt: {}: an exception of an unknown type", where());
  }
  release_memory(&finish_);
  if (!message.empty()) abort_block(std::move(message));
}

// Goes on with another thread; returns with a new current thread for this fiber.
void Executor::end_thread() {
  Fiber* mine = std::exchange(current_->fiber, nullptr);
  current_->state = State::done;
  warps_[current_->rank / 32].live &= ~(1U << current_->rank % 32);
  --live_;
  if (live_ != 0 && at_barrier_ == live_) open_barrier();
  Thread* to = next_thread();
  if (to == nullptr && live_ != 0) {
    abort_block(deadlock());
    to = next_thread();
  }
  if (to != nullptr && to->fiber == nullptr) {
    to->fiber = fiber_for(*to, mine);
    if (to->fiber == mine) {
      current_ = to;
      thread_index = to->index;
      return;
    }
  }
#if !defined(XR_SIMT_TSAN)
  idle_.push_back(mine);
#endif
  switch_to(*mine, to);
}

// Gives way to other threads until this one is ready again.
void Executor::park() {
  Thread* me = current_;
  Thread* to = next_thread();
  if (to == nullptr) {
    abort_block(deadlock());
    make_ready(*me);
    to = next_thread();
  }
  if (to != me) switch_to(*me->fiber, to);
  if (!error_.empty()) throw Abort{};
}

void Executor::run_block() {
  live_ = static_cast<unsigned>(threads_.size());
  at_barrier_ = barrier_nonzero_ = 0;
  queue_.begin_phase();
  for (Thread& t : threads_) make_ready(t);
  for (unsigned w = 0; w < warps_.size(); ++w) {
    const unsigned lanes = std::min(32U, live_ - std::min(live_, w * 32));
    warps_[w].live = lanes == 32 ? ~0U : (1U << lanes) - 1;
    warps_[w].waiting = 0;
  }
  shared_->poison();
  release_memory(&start_);
  switch_to(*main_, next_thread());
  acquire_memory(&finish_);
  if (error_.empty()) {
    const std::string overrun = shared_->overrun();
    if (!overrun.empty()) error_ = fmt::format("simt: {}: {}", where(), overrun);
  }
  if (error_.empty()) return;
  forget_copies();
  throw Error(std::exchange(error_, {}));
}

void Executor::prepare(dim3 grid, dim3 block, std::size_t shared_bytes) {
  grid_size = grid;
  block_size = block;
  threads_.assign(block.x * block.y * block.z, {});
  for (unsigned i = 0; i < threads_.size(); ++i) {
    threads_[i].rank = i;
    threads_[i].index = {i % block.x, i / block.x % block.y, i / (block.x * block.y)};
  }
  queue_.start(config(), static_cast<unsigned>(threads_.size()));
  if (!shared_) shared_.emplace();
  shared_->start(shared_bytes);
  error_.clear();
}

void Executor::run(dim3 grid, dim3 block, std::size_t shared_bytes, Body body) {
  const IgnoreMemoryAccesses ignore;
  prepare(grid, block, shared_bytes);
  body_ = body;
  Fiber main;
  main_ = &main;
  const std::uint64_t blocks = std::uint64_t{grid.x} * grid.y * grid.z;
  for (std::uint64_t turn = 0; turn < blocks; ++turn) {
    const std::uint64_t number = queue_.block(turn, blocks);
    block_index = {static_cast<unsigned>(number % grid.x), static_cast<unsigned>(number / grid.x % grid.y),
                   static_cast<unsigned>(number / grid.x / grid.y)};
    run_block();
  }
}

}  // namespace xr::kernels::simt::detail
