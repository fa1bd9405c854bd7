#include "engine/distributed/bucket_sums.h"

#include <algorithm>

namespace xr::engine {

std::vector<Range> cut_into_buckets(const std::vector<std::int64_t>& offsets, const BucketSize& size) {
  XR_CHECK(!offsets.empty() && size.min_floats >= 1 && size.max_floats >= 1, "nothing to cut into buckets");
  std::vector<Range> buckets;
  std::int64_t end = offsets.back();
  for (auto begin = offsets.rbegin() + 1; begin != offsets.rend(); ++begin) {
    if (end - *begin < size.min_floats && begin + 1 != offsets.rend()) continue;
    const std::int64_t count = end - *begin, pieces = (count + size.max_floats - 1) / size.max_floats;
    for (std::int64_t piece = pieces - 1; piece >= 0; --piece)
      buckets.push_back({*begin + count * piece / pieces, *begin + count * (piece + 1) / pieces});
    end = *begin;
  }
  return buckets;
}

BucketSums::BucketSums(const std::vector<std::size_t>& widths, std::int64_t shards,
                       Communicator* communicator, DeviceExchange* exchange)
    : shards_(shards),
      communicator_(communicator != nullptr && communicator->size() > 1 ? communicator : nullptr),
      exchange_(communicator_ == nullptr ? nullptr : exchange),
      rank_sum_(exchange_),
      own_shards_(communicator_ == nullptr
                      ? Range{0, shards}
                      : shards_of_rank(shards, communicator->rank(), communicator->size())),
      is_filled_(widths.size(), 0) {
  const kernels::Device device = exchange_ == nullptr ? kernels::Device{} : exchange_->device();
  for (const std::size_t width : widths) sums_.emplace_back(width, device);
  if (communicator_ == nullptr) return;
  for (const std::size_t width : widths)
    totals_.push_back(
        Tensor::empty({static_cast<std::int64_t>(width)}, {DType::f32, device, Layout::contiguous}));
  summed_buckets_ = widths.size();
  if (exchange_ != nullptr) return;
  thread_ = std::thread([this] { sum_over_ranks(); });
}

BucketSums::~BucketSums() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    is_ending_ = true;
    if (is_summing_) communicator_->interrupt();
  }
  changed_.notify_all();
  thread_.join();
}

void BucketSums::begin() {
  for (ShardSum& sum : sums_) sum.clear();
  if (communicator_ == nullptr) return;
  const std::lock_guard lock(mutex_);
  XR_CHECK(summed_buckets_ == sums_.size(), "{} of {} buckets were not finished",
           sums_.size() - summed_buckets_, sums_.size());
  std::ranges::fill(is_filled_, char{0});
  summed_buckets_ = 0;
}

void BucketSums::add_shard(std::size_t bucket, std::int64_t shard) {
  sums_[bucket].add_shard(shard);
  if (communicator_ == nullptr || shard + 1 != own_shards_.end) return;
  {
    const std::lock_guard lock(mutex_);
    is_filled_[bucket] = 1;
  }
  changed_.notify_all();
}

std::span<const float> BucketSums::finish(std::size_t bucket) {
  if (communicator_ == nullptr) return sums_[bucket].finish();
  if (exchange_ != nullptr) return finish_on_device(bucket);
  const auto started = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return summed_buckets_ > bucket || error_; });
  waited_ += std::chrono::steady_clock::now() - started;
  if (error_) std::rethrow_exception(error_);
  return total(bucket);
}

std::span<float> BucketSums::total(std::size_t bucket) {
  return {totals_[bucket].mutable_view().as<float>(), static_cast<std::size_t>(totals_[bucket].numel())};
}

// In the order of the buckets, whatever is asked for.
std::span<const float> BucketSums::finish_on_device(std::size_t bucket) {
  const auto started = std::chrono::steady_clock::now();
  if (summed_buckets_ == 0) communicator_->barrier();
  for (; summed_buckets_ <= bucket; ++summed_buckets_) {
    XR_CHECK(is_filled_[summed_buckets_] != 0, "bucket {} was not filled", summed_buckets_);
    rank_sum_.add(*communicator_, shards_, sums_[summed_buckets_], total(summed_buckets_));
  }
  waited_ += std::chrono::steady_clock::now() - started;
  summed_ += std::chrono::steady_clock::now() - started;
  return total(bucket);
}

void BucketSums::sum_over_ranks() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] {
      return is_ending_ || (summed_buckets_ < sums_.size() && is_filled_[summed_buckets_] != 0);
    });
    if (is_ending_) return;
    const std::size_t bucket = summed_buckets_;
    is_summing_ = true;
    lock.unlock();
    const auto started = std::chrono::steady_clock::now();
    std::exception_ptr error;
    try {
      rank_sum_.add(*communicator_, shards_, sums_[bucket], total(bucket));
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    summed_ += std::chrono::steady_clock::now() - started;
    is_summing_ = false;
    error_ = error;
    if (!error) ++summed_buckets_;
    changed_.notify_all();
    if (error) return;
  }
}

}  // namespace xr::engine
