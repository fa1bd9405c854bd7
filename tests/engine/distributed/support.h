// Ranks that are threads of the test.
#pragma once

#include <exception>
#include <functional>
#include <thread>
#include <vector>

#include "engine/distributed/bucket_sums.h"
#include "engine/distributed/communicator.h"

namespace xr::engine::test {

/// Does `work` as each of `count` ranks at once; rethrows the error of the first rank that had one.
inline void on_ranks(int count, const std::function<void(Communicator&)>& work) {
  std::vector<std::unique_ptr<Communicator>> ranks = make_local_ranks(count);
  std::vector<std::exception_ptr> errors(ranks.size());
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < ranks.size(); ++i)
      threads.emplace_back([&, i] {
        try {
          ranks[i]->set_deadline(std::chrono::seconds(60));
          work(*ranks[i]);
        } catch (...) {
          errors[i] = std::current_exception();
        }
      });
  }
  for (const std::exception_ptr& error : errors)
    if (error) std::rethrow_exception(error);
}

/// All buckets of two steps, one after another; `fill(bucket, shard, step)` fills each of a rank's shards in turn. `ranks`: as
/// `sums` was made with.
inline std::vector<float> sums_of_two_steps(
    BucketSums& sums, std::int64_t shards, const Communicator* ranks,
    const std::function<void(std::size_t bucket, std::int64_t shard, int step)>& fill) {
  const Range own =
      ranks == nullptr ? Range{0, shards} : shards_of_rank(shards, ranks->rank(), ranks->size());
  std::vector<float> result;
  for (int step = 0; step < 2; ++step) {
    sums.begin();
    for (std::int64_t shard = own.begin; shard < own.end; ++shard)
      for (std::size_t bucket = 0; bucket < sums.count(); ++bucket) fill(bucket, shard, step);
    for (std::size_t bucket = 0; bucket < sums.count(); ++bucket) {
      const std::span<const float> sum = sums.finish(bucket);
      result.insert(result.end(), sum.begin(), sum.end());
    }
  }
  return result;
}

}  // namespace xr::engine::test
