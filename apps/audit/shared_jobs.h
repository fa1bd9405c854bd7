// Jobs of the audit that several ranks share.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <type_traits>
#include <vector>

#include "data/loader/jobs.h"
#include "engine/distributed/communicator.h"
#include "kernels/common/error.h"

namespace xr::audit {

/// Those that audit one folder together, each with the same settings; null: this process alone.
using Ranks = engine::Communicator*;

/// results[i] = work(i), each by one of the ranks: rank r does the jobs r, r + N, ... with `workers` threads. Every rank
/// gets all results. They are sent as the bytes that they are.
template <class Result>
void run_shared_jobs(std::vector<Result>& results, Ranks ranks, int workers, const data::Progress& progress,
                     const std::function<Result(std::size_t)>& work) {
  static_assert(std::is_trivially_copyable_v<Result>);
  if (ranks == nullptr)
    return data::run_jobs(results.size(), workers, progress, [&](std::size_t i) { results[i] = work(i); });
  const auto size = static_cast<std::size_t>(ranks->size());
  const auto jobs_of = [&](std::size_t rank) { return (results.size() + size - 1 - rank) / size; };
  const auto rank = static_cast<std::size_t>(ranks->rank());
  std::vector<Result> own(jobs_of(rank));
  data::Progress of_all;
  if (progress)
    of_all = [&](std::size_t done, std::size_t /*own*/) {
      progress(std::min(done * size, results.size()), results.size());
    };
  data::run_jobs(own.size(), workers, of_all, [&](std::size_t i) { own[i] = work(i * size + rank); });
  const std::vector<std::vector<std::byte>> parts =
      ranks->all_gather_parts(std::as_bytes(std::span<const Result>(own)));
  for (std::size_t r = 0; r < size; ++r) {
    XR_CHECK(parts[r].size() == jobs_of(r) * sizeof(Result),
             "{} did another number of jobs than its part of {}", ranks->describe(static_cast<int>(r)),
             results.size());
    for (std::size_t i = 0; i < jobs_of(r); ++i)
      std::memcpy(&results[i * size + r], parts[r].data() + i * sizeof(Result), sizeof(Result));
  }
}

}  // namespace xr::audit
