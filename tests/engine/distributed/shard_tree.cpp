#include "engine/distributed/shard_tree.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <cmath>

#include "kernels/common/random.h"
#include "tests/engine/distributed/support.h"

using namespace xr;
using namespace xr::engine;
using namespace xr::engine::test;

namespace {

constexpr std::size_t shard_width = 37;

/// A shard's vector: numbers of very different sizes, so that another order gives another sum.
std::vector<float> shard_values(std::int64_t shard) {
  Philox random(11, static_cast<std::uint64_t>(shard));
  std::vector<float> values(shard_width);
  for (float& value : values)
    value = static_cast<float>((random.uniform() - 0.5) * std::pow(10.0, 6 * random.uniform()));
  return values;
}

/// The tree as its definition says: level by level.
std::vector<float> sum_of_tree(std::int64_t shards) {
  std::vector<std::vector<float>> level;
  for (std::int64_t shard = 0; shard < shards; ++shard) level.push_back(shard_values(shard));
  while (level.size() > 1) {
    std::vector<std::vector<float>> next;
    for (std::size_t i = 0; i < level.size(); i += 2) {
      next.push_back(level[i]);
      if (i + 1 < level.size())
        for (std::size_t k = 0; k < shard_width; ++k) next.back()[k] += level[i + 1][k];
    }
    level = std::move(next);
  }
  return level.front();
}

void add_shards(ShardSum& sum, const Range& shards) {
  for (std::int64_t shard = shards.begin; shard < shards.end; ++shard) {
    const std::vector<float> values = shard_values(shard);
    std::ranges::copy(values, sum.next().begin());
    sum.add_shard(shard);
  }
}

bool same_bytes(std::span<const float> a, std::span<const float> b) {
  return std::ranges::equal(std::as_bytes(a), std::as_bytes(b));
}

}  // namespace

TEST_CASE("one process adds shards in the order of the tree") {
  for (std::int64_t shards = 1; shards <= 20; ++shards) {
    ShardSum sum(shard_width);
    for (int round = 0; round < 2; ++round) {  // the memory is used again
      sum.clear();
      add_shards(sum, {0, shards});
      INFO(shards << " shards");
      CHECK(same_bytes(sum.finish(), sum_of_tree(shards)));
    }
  }
}

TEST_CASE("the order of the tree is not that of a list") {
  std::vector<float> in_order = shard_values(0);
  for (std::int64_t shard = 1; shard < 8; ++shard)
    for (std::size_t k = 0; k < shard_width; ++k) in_order[k] += shard_values(shard)[k];
  CHECK_FALSE(same_bytes(in_order, sum_of_tree(8)));
}

TEST_CASE("1 to 6 ranks get the same bytes as one process, on every rank") {
  for (std::int64_t shards = 1; shards <= 12; ++shards)
    for (int count = 1; count <= 6; ++count) {
      if (shards % count != 0) continue;
      const std::vector<float> wanted = sum_of_tree(shards);
      std::atomic<int> wrong{0};
      on_ranks(count, [&](Communicator& ranks) {
        ShardSum sum(shard_width);
        std::vector<float> result(shard_width, -1.0f);
        for (int round = 0; round < 2; ++round) {
          sum.clear();
          add_shards(sum, shards_of_rank(shards, ranks.rank(), count));
          RankSum().add(ranks, shards, sum, result);
          if (!same_bytes(result, wanted)) ++wrong;
        }
      });
      INFO(shards << " shards, " << count << " ranks");
      CHECK(wrong == 0);
    }
}

TEST_CASE("the pieces of a rank are the nodes that lie whole in its shards") {
  using Nodes = std::vector<ShardNode>;
  CHECK(pieces_of({0, 4}) == Nodes{{2, 0}});
  CHECK(pieces_of({4, 8}) == Nodes{{2, 1}});
  CHECK(pieces_of({2, 4}) == Nodes{{1, 1}});
  CHECK(pieces_of({3, 6}) == Nodes{{0, 3}, {1, 2}});
  CHECK(pieces_of({0, 7}) == Nodes{{2, 0}, {1, 2}, {0, 6}});
}

TEST_CASE("a batch is cut into neighbouring shards as equal as can be; a small one into fewer") {
  using Cut = std::vector<Range>;
  CHECK(cut_into_shards(8, 4) == Cut{{0, 2}, {2, 4}, {4, 6}, {6, 8}});
  CHECK(cut_into_shards(7, 3) == Cut{{0, 2}, {2, 4}, {4, 7}});
  CHECK(cut_into_shards(2, 4) == Cut{{0, 1}, {1, 2}, {2, 2}, {2, 2}});
  CHECK(cut_into_shards(5, 4, 2) == Cut{{0, 2}, {2, 5}, {5, 5}, {5, 5}});
  CHECK(cut_into_shards(1, 4, 2) == Cut{{0, 1}, {1, 1}, {1, 1}, {1, 1}});
  CHECK(rows_of(cut_into_shards(7, 4), {2, 4}) == Range{3, 7});
  CHECK(shards_of_rank(6, 1, 3) == Range{2, 4});
  CHECK_THROWS_WITH(shards_of_rank(6, 0, 4), "4 ranks do not divide 6 shards");
}
