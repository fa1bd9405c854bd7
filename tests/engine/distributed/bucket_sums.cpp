#include "engine/distributed/bucket_sums.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <cmath>
#include <numeric>

#include "kernels/common/random.h"
#include "tests/engine/distributed/support.h"

using namespace xr;
using namespace xr::engine;
using namespace xr::engine::test;
using Catch::Matchers::Contains;

namespace {

const std::vector<std::size_t> bucket_widths{5, 1, 40, 16};

/// Numbers of very different sizes, so that another order gives another sum.
std::vector<float> bucket_values(std::int64_t shard, std::size_t bucket) {
  Philox random(13, static_cast<std::uint64_t>(shard) * bucket_widths.size() + bucket);
  std::vector<float> values(bucket_widths[bucket]);
  for (float& value : values)
    value = static_cast<float>((random.uniform() - 0.5) * std::pow(10.0, 6 * random.uniform()));
  return values;
}

void fill(BucketSums& sums, std::size_t bucket, std::int64_t shard, int step = 0) {
  std::ranges::copy(bucket_values(shard + step, bucket), sums.next(bucket).begin());
  sums.add_shard(bucket, shard);
}

/// All buckets of two steps, one after another. Each rank fills them in an order of its own.
std::vector<float> numbers_of(std::int64_t shards, Communicator* ranks) {
  BucketSums sums(bucket_widths, shards, ranks);
  const std::size_t first = ranks == nullptr ? 0 : static_cast<std::size_t>(ranks->rank());
  return sums_of_two_steps(sums, shards, ranks, [&](std::size_t bucket, std::int64_t shard, int step) {
    fill(sums, (first + bucket) % sums.count(), shard, step);
  });
}

}  // namespace

TEST_CASE("a vector is cut into buckets from its end, at its parts unless they are large") {
  using Cut = std::vector<Range>;
  CHECK(cut_into_buckets({0, 10, 20, 30}, {15, 100}) == Cut{{10, 30}, {0, 10}});
  CHECK(cut_into_buckets({0, 10, 20, 30}, {1, 100}) == Cut{{20, 30}, {10, 20}, {0, 10}});
  CHECK(cut_into_buckets({0, 10, 20, 30}, {100, 100}) == Cut{{0, 30}});
  CHECK(cut_into_buckets({0, 3, 30}, {5, 10}) == Cut{{21, 30}, {12, 21}, {3, 12}, {0, 3}});
  CHECK(cut_into_buckets({0}).empty());
}

TEST_CASE("buckets have the bytes of one process on 1 to 4 ranks, in whatever order they are filled") {
  for (const std::int64_t shards : {4, 6, 12}) {
    const std::vector<float> wanted = numbers_of(shards, nullptr);
    for (const int count : {1, 2, 3, 4}) {
      if (shards % count != 0) continue;
      std::atomic<int> wrong{0};
      on_ranks(count, [&](Communicator& ranks) {
        const std::vector<float> numbers = numbers_of(shards, &ranks);
        if (!std::ranges::equal(std::as_bytes(std::span(numbers)), std::as_bytes(std::span(wanted)))) ++wrong;
      });
      INFO(shards << " shards, " << count << " ranks");
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("a bucket is summed before the next one is filled") {
  on_ranks(2, [](Communicator& ranks) {
    ranks.set_deadline(std::chrono::seconds(5));
    BucketSums sums(bucket_widths, 2, &ranks);
    sums.begin();
    for (std::size_t bucket = 0; bucket < sums.count(); ++bucket) {
      fill(sums, bucket, ranks.rank());
      (void)sums.finish(bucket);
    }
  });
}

TEST_CASE("a rank that does not come ends the wait for a bucket; one that gives up waits for nobody") {
  std::vector<std::unique_ptr<Communicator>> ranks = make_local_ranks(2);
  ranks[0]->set_deadline(std::chrono::milliseconds(30));
  {
    BucketSums sums(bucket_widths, 2, ranks[0].get());
    sums.begin();
    fill(sums, 0, 0);
    CHECK_THROWS_WITH(sums.finish(0), Contains("rank 1 on host localhost did not answer"));
    CHECK_THROWS_WITH(sums.begin(), Contains("4 of 4 buckets were not finished"));
  }
  std::vector<std::unique_ptr<Communicator>> others = make_local_ranks(2);
  {
    BucketSums sums(bucket_widths, 2, others[0].get());
    sums.begin();
    fill(sums, 0, 0);
    while (others[0]->sent_bytes() == 0) std::this_thread::yield();
  }  // its deadline of minutes is not waited for
  CHECK_THROWS_WITH(others[0]->barrier(), Contains("was interrupted"));
}
