// Sums in the devices' memory through NCCL's functions, of a library that stands in for NCCL: fake_nccl/.
#include <array>
#include <atomic>
#include <catch2/catch.hpp>

#include "engine/distributed/bucket_sums.h"
#include "engine/distributed/nccl_exchange.h"
#include "kernels/common/error_codes.h"
#include "kernels/common/random.h"
#include "tests/engine/distributed/support.h"

using namespace xr;
using namespace xr::engine;
using namespace xr::engine::test;
using Catch::Matchers::Contains;

namespace {

constexpr std::array<std::size_t, 3> nccl_widths{33, 2, 70};

std::vector<float> nccl_numbers(std::int64_t shards, Communicator* ranks, DeviceExchange* exchange) {
  BucketSums sums({nccl_widths.begin(), nccl_widths.end()}, shards, ranks, exchange);
  return sums_of_two_steps(sums, shards, ranks, [&](std::size_t bucket, std::int64_t shard, int step) {
    Philox random(17, static_cast<std::uint64_t>(100 * step + 10 * shard) + bucket);
    for (float& value : sums.next(bucket)) value = 1e6f * random.uniform() * random.uniform(-1, 1);
    sums.add_shard(bucket, shard);
  });
}

}  // namespace

TEST_CASE("sums through NCCL's functions have the bytes of one process") {
  const auto library = std::make_shared<nccl::Library>(XR_FAKE_NCCL);
  CHECK(library->version() == "NCCL 2.21.5");
  for (const std::int64_t shards : {4, 6}) {
    const std::vector<float> wanted = nccl_numbers(shards, nullptr, nullptr);
    for (const int count : {2, 3}) {
      if (shards % count != 0) continue;
      std::atomic<int> wrong{0};
      on_ranks(count, [&](Communicator& ranks) {
        nccl::NcclExchange exchange(library, ranks, {}, nullptr);
        const std::vector<float> numbers = nccl_numbers(shards, &ranks, &exchange);
        if (!std::ranges::equal(std::as_bytes(std::span(numbers)), std::as_bytes(std::span(wanted)))) ++wrong;
      });
      INFO(shards << " shards, " << count << " ranks");
      CHECK(wrong == 0);
    }
  }
}

TEST_CASE("NCCL that is missing, damaged or fails is one line") {
  try {
    const nccl::Library library("/nowhere/libnccl.so.2");
    FAIL("no error was thrown");
  } catch (const Error& error) {
    CHECK(error.code() == error_code::library_unavailable);
    CHECK_THAT(std::string(error.what()),
               Contains("NCCL is not available: /nowhere/libnccl.so.2") && Contains("XR_NCCL_PATH"));
  }
  CHECK_THROWS_WITH(nccl::Library("libm.so.6"), Contains("has no function ncclGetVersion"));
  const auto library = std::make_shared<nccl::Library>(XR_FAKE_NCCL);
  CHECK_THROWS_WITH(
      on_ranks(5, [&](Communicator& ranks) { nccl::NcclExchange(library, ranks, {}, nullptr); }),
      Contains("ncclCommInitRank failed: invalid argument"));
}

TEST_CASE("a rank that does not come to a sum on the device ends it at the deadline") {
  const auto library = std::make_shared<nccl::Library>(XR_FAKE_NCCL);
  CHECK_THROWS_WITH(on_ranks(2,
                             [&](Communicator& ranks) {
                               nccl::NcclExchange exchange(library, ranks, {}, nullptr);
                               if (ranks.rank() == 1) return;
                               ranks.set_deadline(std::chrono::milliseconds(30));
                               (void)nccl_numbers(2, &ranks, &exchange);
                             }),
                    Contains("rank 1 on host localhost did not answer"));
}
