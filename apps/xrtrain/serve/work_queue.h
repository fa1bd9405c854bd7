// Work that many threads ask for and one does: inference, one image at a time.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <future>
#include <mutex>
#include <stdexcept>

namespace xr::apps::serve {

/// Thrown to who asks while too many wait, or after the end.
class Busy : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class WorkQueue {
 public:
  explicit WorkQueue(std::size_t max_waiting) : max_waiting_(max_waiting) {}

  /// Waits until the working thread has done it; what it throws is thrown here.
  template <class Result>
  Result run(std::function<Result()> work) {
    std::packaged_task<Result()> task(std::move(work));
    std::future<Result> result = task.get_future();
    add([&task] { task(); });
    return result.get();
  }

  /// Works in this thread until `done`, which is asked several times a second.
  void work_until(const std::function<bool()>& done);

 private:
  /// Throws Busy. Returns when `work` was done, or throws Busy when it never will be.
  void add(const std::function<void()>& work);

  struct Entry {
    const std::function<void()>* work;
    std::promise<void> done;
  };

  std::size_t max_waiting_;
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<Entry*> waiting_;
  bool ended_ = false;
};

}  // namespace xr::apps::serve
