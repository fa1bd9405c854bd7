#include "engine/distributed/shards.h"

#include <algorithm>

#include "kernels/common/error.h"

namespace xr::engine {

std::vector<Range> cut_into_shards(std::int64_t rows, std::int64_t shards, std::int64_t min_rows) {
  XR_CHECK(rows >= 1 && shards >= 1 && min_rows >= 1, "cannot cut {} rows into {} shards of at least {}",
           rows, shards, min_rows);
  const std::int64_t used = std::clamp<std::int64_t>(rows / min_rows, 1, shards);
  std::vector<Range> result(static_cast<std::size_t>(shards), Range{rows, rows});
  for (std::int64_t i = 0; i < used; ++i)
    result[static_cast<std::size_t>(i)] = {rows * i / used, rows * (i + 1) / used};
  return result;
}

Range shards_of_rank(std::int64_t shards, int rank, int ranks) {
  XR_CHECK(ranks >= 1 && shards % ranks == 0, "{} ranks do not divide {} shards", ranks, shards);
  const std::int64_t each = shards / ranks;
  return {rank * each, (rank + 1) * each};
}

Range rows_of(const std::vector<Range>& cut, const Range& shards) {
  return {cut[static_cast<std::size_t>(shards.begin)].begin,
          cut[static_cast<std::size_t>(shards.end - 1)].end};
}

}  // namespace xr::engine
