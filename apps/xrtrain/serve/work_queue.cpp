#include "apps/xrtrain/serve/work_queue.h"

#include <chrono>

namespace xr::apps::serve {

void WorkQueue::add(const std::function<void()>& work) {
  Entry entry{&work, {}};
  std::future<void> done = entry.done.get_future();
  {
    const std::lock_guard lock(mutex_);
    if (ended_) throw Busy("The program is ending.");
    if (waiting_.size() >= max_waiting_) throw Busy("Too many requests at once: try again in a moment.");
    waiting_.push_back(&entry);
  }
  arrived_.notify_one();
  done.get();
}

void WorkQueue::work_until(const std::function<bool()>& done) {
  std::unique_lock lock(mutex_);
  while (!done()) {
    arrived_.wait_for(lock, std::chrono::milliseconds(100), [this] { return !waiting_.empty(); });
    if (waiting_.empty()) continue;
    Entry* const next = waiting_.front();
    waiting_.pop_front();
    lock.unlock();
    (*next->work)();
    next->done.set_value();
    lock.lock();
  }
  ended_ = true;
  for (Entry* const entry : waiting_)
    entry->done.set_exception(std::make_exception_ptr(Busy("The program is ending.")));
  waiting_.clear();
}

}  // namespace xr::apps::serve
