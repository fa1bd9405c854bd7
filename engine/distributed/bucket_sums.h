// Sums over shards of a vector that is cut into buckets: a bucket goes to the other ranks while later ones are computed.
//
//     this thread     backward of the last shard: fills bucket 0 | bucket 1 | bucket 2 | finish(0) finish(1) finish(2)
//     its own thread                                          sum of 0 | sum of 1 |  sum of 2
//
// Each element is added as in one vector (shard_tree.h), so that the cut changes no bytes. The buckets go in the order of
// their numbers on every rank, whatever the order in which they are filled.
#pragma once

#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/distributed/shard_tree.h"

namespace xr::engine {

/// Floats of a bucket: enough that its time is more than the network's latency, and at most as many as are received in
/// a small part of a step.
struct BucketSize {
  std::int64_t min_floats = std::int64_t{1} << 18, max_floats = std::int64_t{1} << 22;
};

/// Cuts a vector of parts that begin at `offsets` (ascending; the end of the vector is the last) into buckets, from its
/// end to its beginning: the order in which backward fills it. A bucket is whole parts of at least min_floats together,
/// or a piece of at most max_floats of them. The cut is a function of offsets and size.
[[nodiscard]] std::vector<Range> cut_into_buckets(const std::vector<std::int64_t>& offsets,
                                                  const BucketSize& size = {});

class BucketSums {
 public:
  /// `widths`: floats of each bucket. `communicator`: whom the shards are shared with, or null; it outlives this, and
  /// nobody else uses it between begin() and the last finish(). With `exchange` buckets and sums lie in the memory of its
  /// device, and the sums over ranks are queued there by finish(), after a barrier that has the communicator's deadline.
  BucketSums(const std::vector<std::size_t>& widths, std::int64_t shards, Communicator* communicator,
             DeviceExchange* exchange = nullptr);
  /// Interrupts the communicator where a sum is under way.
  ~BucketSums();
  BucketSums(const BucketSums&) = delete;
  BucketSums& operator=(const BucketSums&) = delete;

  [[nodiscard]] std::size_t count() const { return sums_.size(); }
  /// Forgets the sums of before, all of which were finished.
  void begin();
  /// The memory of a bucket for this rank's next shard, contents unspecified.
  [[nodiscard]] std::span<float> next(std::size_t bucket) { return sums_[bucket].next(); }
  /// Adds it. With the last shard of this rank the bucket is sent.
  void add_shard(std::size_t bucket, std::int64_t shard);
  /// Waits for the sum of a bucket over all shards. Throws what the communicator threw.
  [[nodiscard]] std::span<const float> finish(std::size_t bucket);

  /// Since this was made: how long finish() waited, and how long sums over ranks took.
  [[nodiscard]] double waited_seconds() const { return waited_.count(); }
  [[nodiscard]] double summed_seconds() const { return summed_.count(); }

 private:
  using Seconds = std::chrono::duration<double>;
  void sum_over_ranks();
  [[nodiscard]] std::span<float> total(std::size_t bucket);
  [[nodiscard]] std::span<const float> finish_on_device(std::size_t bucket);

  std::int64_t shards_;
  Communicator* communicator_;
  DeviceExchange* exchange_;
  RankSum rank_sum_;
  Range own_shards_;
  std::vector<ShardSum> sums_;
  std::vector<Tensor> totals_;  // with several ranks
  Seconds waited_{0}, summed_{0};

  // Of the thread that sums over ranks.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<char> is_filled_;
  std::size_t summed_buckets_ = 0;
  bool is_summing_ = false, is_ending_ = false;
  std::exception_ptr error_;
  std::thread thread_;
};

}  // namespace xr::engine
