#include "kernels/cpu/parallel.h"

#include <atomic>
#include <thread>
#include <vector>

#include "kernels/error.h"

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace xr::kernels::cpu {

#if defined(_OPENMP)

int thread_count() {
  return omp_get_max_threads();
}

void set_thread_count(int count) {
  XR_CHECK(count >= 1, "the number of threads is {}: it must be at least 1", count);
  omp_set_dynamic(0);
  omp_set_num_threads(count);
}

void detail::run_parallel(std::int64_t tasks, void (*task)(void* context, std::int64_t index),
                          void* context) {
  if (tasks == 1) return task(context, 0);
#pragma omp parallel for schedule(dynamic)
  for (std::int64_t index = 0; index < tasks; ++index) task(context, index);
}

#else  // without OpenMP (clang, ThreadSanitizer): threads per loop

namespace {
std::atomic<int> threads{0};
}

int thread_count() {
  const int set = threads.load();
  return set > 0 ? set : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void set_thread_count(int count) {
  XR_CHECK(count >= 1, "the number of threads is {}: it must be at least 1", count);
  threads = count;
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
