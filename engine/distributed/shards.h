// Shards: the fixed parts that a step's batch is cut into. What is computed depends on their number, never on how many
// ranks share them.
#pragma once

#include <cstdint>
#include <vector>

namespace xr::engine {

/// From `begin` to before `end`.
struct Range {
  std::int64_t begin = 0, end = 0;
  [[nodiscard]] std::int64_t count() const { return end - begin; }
  friend bool operator==(const Range&, const Range&) = default;
};

/// The rows of a batch of `rows` that each of `shards` shards has: neighbouring rows, as equal in number as can be, the
/// larger shards last. A batch with fewer than `min_rows` rows for each shard is cut into as many shards as have
/// `min_rows`, but at least one; the shards after these are empty. rows, shards, min_rows >= 1.
[[nodiscard]] std::vector<Range> cut_into_shards(std::int64_t rows, std::int64_t shards,
                                                 std::int64_t min_rows = 1);

/// The shards that rank `rank` of `ranks` computes. `ranks` divides `shards`, else Error.
[[nodiscard]] Range shards_of_rank(std::int64_t shards, int rank, int ranks);

/// The rows of these shards, which are neighbours.
[[nodiscard]] Range rows_of(const std::vector<Range>& cut, const Range& shards);

}  // namespace xr::engine
