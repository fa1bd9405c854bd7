#include "kernels/cpu/parallel.h"

#include <atomic>
#include <thread>
#include <vector>

#include "kernels/error.h"

#if defined(_OPENMP)
#include <omp.h>
#else
#include <dlfcn.h>
#endif

namespace xr::kernels::cpu {

namespace {
std::atomic<int> requested_threads{0};  // 0: never set
}

void set_thread_count(int count) {
  XR_CHECK(count >= 1, "the number of threads is {}: it must be at least 1", count);
  requested_threads = count;
  share_thread_count_with_onednn();
}

#if defined(_OPENMP)

int thread_count() {
  const int requested = requested_threads;
  return requested > 0 ? requested : omp_get_max_threads();
}

// OpenMP keeps the number of threads per calling thread, so it is set again wherever a call comes from.
void share_thread_count_with_onednn() {
  const int requested = requested_threads;
  if (requested > 0 && omp_get_max_threads() != requested) {
    omp_set_dynamic(0);
    omp_set_num_threads(requested);
  }
}

void detail::run_parallel(std::int64_t tasks, void (*task)(void* context, std::int64_t index),
                          void* context) {
  if (tasks == 1) return task(context, 0);
#pragma omp parallel for schedule(dynamic) num_threads(thread_count())
  for (std::int64_t index = 0; index < tasks; ++index) task(context, index);
}

#else  // without OpenMP (clang, ThreadSanitizer): threads per loop

int thread_count() {
  const int requested = requested_threads;
  return requested > 0 ? requested : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

// oneDNN brings GNU OpenMP into the process even where this project is built without it.
void share_thread_count_with_onednn() {
  static auto* const omp_set_num_threads =
      reinterpret_cast<void (*)(int)>(dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
  const int requested = requested_threads;
  if (requested > 0 && omp_set_num_threads != nullptr) omp_set_num_threads(requested);
}

void detail::run_parallel(std::int64_t tasks, void (*task)(void* context, std::int64_t index),
                          void* context) {
  std::atomic<std::int64_t> next{0};
  const auto work = [&] {
    for (std::int64_t index = next++; index < tasks; index = next++) task(context, index);
  };
  std::vector<std::jthread> helpers;
  for (int i = 1; i < std::min<std::int64_t>(thread_count(), tasks); ++i) helpers.emplace_back(work);
  work();
}

#endif

}  // namespace xr::kernels::cpu
