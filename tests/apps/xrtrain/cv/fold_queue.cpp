#include "apps/xrtrain/cv/fold_queue.h"

#include <catch2/catch.hpp>

namespace xr::apps::test {

TEST_CASE("folds go to the ranks in turn, as long as they have room") {
  std::vector<std::size_t> waiting = {4, 5, 6, 7, 8};
  const std::vector<FoldReport> reports = {{2, {}, false}, {0, {1}, false}, {1, {}, false}};
  using Dealt = std::vector<std::vector<std::size_t>>;
  CHECK(deal_out(waiting, reports) == Dealt{{4, 6}, {}, {5}});
  CHECK(waiting == std::vector<std::size_t>{7, 8});
  CHECK(deal_out(waiting, {{5, {}, false}}) == Dealt{{7, 8}});
  CHECK(deal_out(waiting, {{5, {}, false}}) == Dealt{{}});
}

TEST_CASE("a report of folds arrives as it was sent") {
  for (const FoldReport& sent : {FoldReport{}, FoldReport{3, {0, 12}, true}}) {
    const FoldReport read = FoldReport::of_text(sent.text());
    CHECK(read.free == sent.free);
    CHECK(read.ended == sent.ended);
    CHECK(read.interrupted == sent.interrupted);
  }
}

}  // namespace xr::apps::test
