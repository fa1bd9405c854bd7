#include "data/loader/jobs.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace xr::data {

namespace {

class Jobs {
 public:
  Jobs(std::size_t count, const std::function<void(std::size_t)>& work) : count_(count), work_(work) {}

  void run_some() {
    std::unique_lock lock(mutex_);
    while (!stop_ && next_ < count_) {
      const std::size_t job = next_++;
      std::exception_ptr thrown;
      lock.unlock();
      try {
        work_(job);
      } catch (...) {
        thrown = std::current_exception();
      }
      lock.lock();
      ++done_;
      if (thrown && (!failure_ || job < failed_job_)) {
        failure_ = thrown;
        failed_job_ = job;
        stop_ = true;
      }
      changed_.notify_one();
    }
  }

  void tell(const Progress& progress) {
    std::unique_lock lock(mutex_);
    for (std::size_t told = 0; told < count_ && !stop_;) {
      changed_.wait(lock, [&] { return done_ > told || stop_; });
      if (stop_) return;
      told = done_;
      lock.unlock();
      if (progress) progress(told, count_);
      lock.lock();
    }
  }

  void stop() {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
  }

  /// After all threads have ended.
  void rethrow() const {
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  const std::size_t count_;
  const std::function<void(std::size_t)>& work_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t next_ = 0, done_ = 0, failed_job_ = 0;
  std::exception_ptr failure_;
  bool stop_ = false;
};

}  // namespace

void run_jobs(std::size_t count, int workers, const Progress& progress,
              const std::function<void(std::size_t)>& work) {
  const std::size_t cores = std::max(1u, std::thread::hardware_concurrency());
  const std::size_t threads_wanted = std::min(count, workers > 0 ? static_cast<std::size_t>(workers) : cores);
  Jobs jobs(count, work);
  {
    std::vector<std::jthread> threads;
    try {
      for (std::size_t i = 0; i < threads_wanted; ++i) threads.emplace_back([&jobs] { jobs.run_some(); });
      jobs.tell(progress);
    } catch (...) {
      jobs.stop();
      throw;  // the threads finish their job and end before this leaves the block
    }
  }
  jobs.rethrow();
}

}  // namespace xr::data
