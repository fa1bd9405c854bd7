// Loops over all threads that compute on the CPU: the ones that oneDNN uses, so that two pools do not fight
// for the cores. For jobs that may fail or that run beside the computation: data/loader/jobs.h.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <type_traits>
#include <utility>

// Built for several instruction sets; the loader picks. Sanitizers run before ifuncs are resolved, so not
// there.
#if defined(XR_SANITIZED) || !defined(__x86_64__) || !defined(__GNUC__) || defined(__clang__)
#define XR_HAS_MULTIVERSION 0
#define XR_MULTIVERSION
#else
#define XR_HAS_MULTIVERSION 1
#define XR_MULTIVERSION __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#endif

namespace xr::kernels {

/// Threads that parallel_for and oneDNN use. Defaults to the processor cores that this process may use.
[[nodiscard]] int thread_count();
/// Sets it, for the whole process; count >= 1.
void set_thread_count(int count);

/// While it lives, oneDNN (which asks OpenMP) uses `count` threads when the calling thread calls it.
class OneDnnThreads {
 public:
  explicit OneDnnThreads(int count);
  OneDnnThreads(const OneDnnThreads&) = delete;
  OneDnnThreads& operator=(const OneDnnThreads&) = delete;
  ~OneDnnThreads();  // NOLINT(bugprone-exception-escape): the constructor has found the function

 private:
  int before_;
};

namespace detail {
void run_parallel(std::int64_t tasks, void (*task)(void* context, std::int64_t index), void* context);
}  // namespace detail

/// Calls body(index) for index in [0, tasks), spread over the threads; returns when all are done. The body
/// must not throw. Which thread runs which index is unspecified: a result must not depend on it.
template <class Body>
void parallel_for(std::int64_t tasks, Body&& body) {
  using Plain = std::remove_reference_t<Body>;
  detail::run_parallel(
      tasks, [](void* context, std::int64_t index) { (*static_cast<Plain*>(context))(index); },
      const_cast<void*>(static_cast<const void*>(&body)));
}

/// Threads that share that many tasks.
[[nodiscard]] inline std::int64_t worker_count(std::int64_t tasks) {
  return std::min<std::int64_t>(tasks, thread_count());
}

/// The same with body(worker, index), for tasks that need memory which stays in a core's cache: at any time a worker, of
/// worker_count(tasks), has one task.
template <class Body>
void parallel_for_workers(std::int64_t tasks, Body&& body) {
  std::atomic<std::int64_t> next{0};
  parallel_for(worker_count(tasks), [&](std::int64_t worker) {
    for (std::int64_t index = next++; index < tasks; index = next++) body(worker, index);
  });
}

/// Splits [0, count) into pieces of `grain` (the last one shorter) and calls body(begin, end) for each, in
/// parallel. The pieces do not depend on the number of threads, so a reduction over pieces in order is
/// reproducible.
template <class Body>
void parallel_ranges(std::int64_t count, std::int64_t grain, Body&& body) {
  parallel_for((count + grain - 1) / grain,
               [&](std::int64_t piece) { body(piece * grain, std::min(count, (piece + 1) * grain)); });
}

/// Elements of a piece where each takes a few instructions.
inline constexpr std::int64_t elementwise_grain = 65536;

}  // namespace xr::kernels
