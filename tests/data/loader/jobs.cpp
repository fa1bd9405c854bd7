#include "data/loader/jobs.h"

#include "tests/data/support.h"

#include <atomic>
#include <chrono>
#include <thread>

using namespace xr;
using namespace xr::data;
using namespace xr::data::test;

TEST_CASE("every job is done once and progress ends with all of them") {
  for (const int workers : {0, 1, 3, 50}) {
    std::vector<std::atomic<int>> times(40);
    std::size_t last = 0;
    run_jobs(
        40, workers, [&](std::size_t done, std::size_t) { last = done; }, [&](std::size_t i) { ++times[i]; });
    for (const auto& count : times) CHECK(count == 1);
    CHECK(last == 40);
  }
  run_jobs(0, 2, {}, [](std::size_t) { FAIL("there is no job"); });
}

TEST_CASE("the first failed job is told whatever the number of workers") {
  for (const int workers : {1, 4})
    for (int round = 0; round < 20; ++round) {
      const auto run = [&] {
        run_jobs(30, workers, {}, [](std::size_t i) {
          if (i == 7) std::this_thread::sleep_for(std::chrono::milliseconds(1));  // 8 and 9 fail earlier
          if (i >= 7) throw Error(fmt::format("the job {} failed", i));
        });
      };
      CHECK(error_of(run) == "the job 7 failed");
    }
}
