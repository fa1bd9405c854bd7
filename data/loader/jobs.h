// A list of independent jobs done by several threads. Unlike the loops of kernels/common/parallel.h, which
// have the threads that compute to themselves, jobs may throw, report progress and run beside a training
// step, on threads of their own.
#pragma once

#include <cstddef>
#include <functional>

namespace xr::data {

/// Called from the calling thread with (jobs done, jobs in all), at last with all of them; may be empty.
using Progress = std::function<void(std::size_t, std::size_t)>;

/// Calls work(0) ... work(count - 1), begun in this order, by `workers` threads (0: one per core). After an
/// exception no further job is begun and, when all threads have ended, that of the first failed job (in
/// order) is rethrown: the same one whatever the number of workers. An exception of `progress` ends the jobs
/// likewise.
void run_jobs(std::size_t count, int workers, const Progress& progress,
              const std::function<void(std::size_t)>& work);

}  // namespace xr::data
