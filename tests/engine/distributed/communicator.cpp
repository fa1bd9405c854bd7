#include "engine/distributed/communicator.h"

#include <atomic>
#include <catch2/catch.hpp>

#include "engine/distributed/broadcast_tensors.h"
#include "tests/engine/distributed/support.h"

using namespace xr;
using namespace xr::engine;
using namespace xr::engine::test;
using Catch::Matchers::Contains;

// Catch's checks belong to one thread, so the ranks count what is wrong.
TEST_CASE("1 to 5 ranks: broadcast from every root, all_gather, parts and texts") {
  for (int count = 1; count <= 5; ++count) {
    std::atomic<int> wrong{0};
    on_ranks(count, [&](Communicator& ranks) {
      if (ranks.size() != count || ranks.local_rank() != ranks.rank() || ranks.local_size() != count) ++wrong;
      for (int root = 0; root < count; ++root) {
        int value = ranks.rank() == root ? 100 + root : -1;
        ranks.broadcast(std::as_writable_bytes(std::span(&value, 1)), root);
        if (value != 100 + root) ++wrong;
      }
      const int mine = 7 * ranks.rank();
      std::vector<int> all(static_cast<std::size_t>(count), -1);
      ranks.all_gather(std::as_bytes(std::span(&mine, 1)), std::as_writable_bytes(std::span(all)));
      for (int rank = 0; rank < count; ++rank)
        if (all[static_cast<std::size_t>(rank)] != 7 * rank) ++wrong;
      // Rank r has r bytes of the value r: rank 0 has none.
      const std::vector<std::byte> own(static_cast<std::size_t>(ranks.rank()),
                                       static_cast<std::byte>(ranks.rank()));
      const auto everywhere = ranks.all_gather_parts(own), at_last = ranks.gather_parts(own, count - 1);
      for (int rank = 0; rank < count; ++rank) {
        const auto r = static_cast<std::size_t>(rank);
        const std::vector<std::byte> wanted(r, static_cast<std::byte>(rank));
        if (everywhere[r] != wanted) ++wrong;
        if (at_last[r] != (ranks.rank() == count - 1 ? wanted : std::vector<std::byte>())) ++wrong;
      }
      const std::vector<std::string> texts =
          ranks.all_gather_text(std::string(static_cast<std::size_t>(ranks.rank()), 'x'));
      for (int rank = 0; rank < count; ++rank)
        if (texts[static_cast<std::size_t>(rank)] != std::string(static_cast<std::size_t>(rank), 'x'))
          ++wrong;
    });
    INFO(count << " ranks");
    CHECK(wrong == 0);
  }
}

TEST_CASE("a barrier holds every rank until the last one comes") {
  std::atomic<int> arrived{0}, early{0};
  on_ranks(4, [&](Communicator& ranks) {
    for (int round = 1; round <= 20; ++round) {
      ++arrived;
      ranks.barrier();
      if (arrived < 4 * round) ++early;
      ranks.barrier();
    }
  });
  CHECK(early == 0);
}

TEST_CASE("a rank that does not answer ends a wait at its deadline, by name") {
  std::vector<std::unique_ptr<Communicator>> ranks = make_local_ranks(3);
  ranks[0]->set_deadline(std::chrono::milliseconds(30));
  try {
    ranks[0]->barrier();
    FAIL("no error was thrown");
  } catch (const Error& error) {
    CHECK(error.code() == rank_silent);
    CHECK(std::string(error.what()) ==
          "rank 1 on host localhost did not answer rank 0 on host localhost within 0.03 s");
  }
}

TEST_CASE("messages of another size than waited for are an error") {
  CHECK_THROWS_WITH(on_ranks(2,
                             [](Communicator& ranks) {
                               std::vector<std::byte> bytes(ranks.rank() == 0 ? 3 : 4);
                               ranks.broadcast(bytes);
                             }),
                    Contains("sent 3 bytes") && Contains("waits for 4"));
  CHECK_THROWS_WITH(make_local_ranks(0), Contains("at least 1"));
}

TEST_CASE("tensors of one rank become those of every rank") {
  std::atomic<int> wrong{0};
  on_ranks(3, [&](Communicator& ranks) {
    const auto rank = static_cast<std::int64_t>(ranks.rank());
    const std::vector<std::int64_t> number{rank};
    const std::vector<NamedTensor> tensors = {
        {"weight", Tensor::full({2, 3}, static_cast<float>(rank))},
        {"count", Tensor::from_host(std::span<const std::int64_t>(number), {})}};
    broadcast_tensors(ranks, tensors, 2);
    if (tensors[0].tensor.to_host() != std::vector<float>(6, 2.0f)) ++wrong;
    if (tensors[1].tensor.to_host_i64() != std::vector<std::int64_t>{2}) ++wrong;
  });
  CHECK(wrong == 0);
}
