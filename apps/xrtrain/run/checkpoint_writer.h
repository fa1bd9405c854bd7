// Writes in the background, one thing at a time.
#pragma once

#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

namespace xr::apps {

class BackgroundWriter {
 public:
  BackgroundWriter();
  /// Waits for what is being written; an error that nobody asked for is lost with it.
  ~BackgroundWriter();
  BackgroundWriter(const BackgroundWriter&) = delete;
  BackgroundWriter& operator=(const BackgroundWriter&) = delete;

  /// Whether a job is under way.
  [[nodiscard]] bool busy() const;
  /// Waits for the job under way; throws what it threw.
  void wait();
  /// Waits for the job before, then starts this one. Throws what the job before threw.
  void submit(std::function<void()> job);

 private:
  void work();

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::function<void()> job_;
  std::exception_ptr failure_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace xr::apps
