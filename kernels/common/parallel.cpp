#include "kernels/common/parallel.h"

#include <atomic>
#include <thread>
#include <vector>

#include "kernels/common/error.h"

#if defined(_OPENMP)
#include <omp.h>
#else
#include <dlfcn.h>
#endif

namespace xr::kernels {

namespace {

std::atomic<int> requested_threads{0};  // 0: never set

#if defined(_OPENMP)

int onednn_threads() {
  return omp_get_max_threads();
}

void set_onednn_threads(int count) {
  omp_set_num_threads(count);
}

#else

// oneDNN brings GNU OpenMP into the process even where this project is built without it.
template <class Function>
Function* from_openmp(const char* name) {
  void* const found = dlsym(RTLD_DEFAULT, name);
  XR_CHECK(found != nullptr, "oneDNN was built without OpenMP ({} is missing): install Debian's libdnnl",
           name);
  return reinterpret_cast<Function*>(found);
}

int onednn_threads() {
  static auto* const get = from_openmp<int()>("omp_get_max_threads");
  return get();
}

void set_onednn_threads(int count) {
  static auto* const set = from_openmp<void(int)>("omp_set_num_threads");
  set(count);
}

#endif

}  // namespace

void set_thread_count(int count) {
  XR_CHECK(count >= 1, "the number of threads is {}: it must be at least 1", count);
  requested_threads = count;
}

int thread_count() {
  static const int processors = std::max(1, onednn_threads());  // what OpenMP starts with
  const int requested = requested_threads;
  return requested > 0 ? requested : processors;
}

OneDnnThreads::OneDnnThreads(int count) : before_(onednn_threads()) {
  set_onednn_threads(count);
}

// NOLINTNEXTLINE(bugprone-exception-escape): the constructor has found the function
OneDnnThreads::~OneDnnThreads() {
  set_onednn_threads(before_);
}

#if defined(_OPENMP)

void detail::run_parallel(std::int64_t tasks, void (*task)(void* context, std::int64_t index),
                          void* context) {
  if (tasks == 1) return task(context, 0);
#pragma omp parallel for schedule(dynamic) num_threads(thread_count())
  for (std::int64_t index = 0; index < tasks; ++index) task(context, index);
}

#else  // clang, ThreadSanitizer: threads per loop

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

}  // namespace xr::kernels
