// Killed at any moment and resumed, a run ends in the same bytes as an undisturbed one.
#include <fmt/core.h>

#include <chrono>
#include <thread>

#include "kernels/common/random.h"
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

namespace {

// With validation. --keep adds removals; so many more epochs, that on a slow disk some have no state of their
// own to resume from.
Arguments arguments(const TemporaryFolder& folder, const std::string& out, bool keep) {
  Arguments more = {"--epochs", keep ? "6" : "2", "--resume"};
  if (keep) more.insert(more.end(), {"--keep", "1"});
  return tiny(folder, out, more);
}

#if !defined(XR_SANITIZED)

/// Kills at every `stride`-th file operation from `first` on, resumes, compares.
void kill_at_operations(bool keep, int first, int stride) {
  TemporaryFolder folder;
  make_phantoms(folder);
  // The cache keeps no lasting stamp of a file just written: later runs would write its index once more.
  std::this_thread::sleep_for(std::chrono::milliseconds(2100));
  REQUIRE(run(folder, arguments(folder, "warm_cache", keep)).status == 0);
  const std::string slow = keep ? "5" : "0";
  RunSettings counted;
  counted.environment = {{"LD_PRELOAD", XR_FILE_FAULT},
                         {"XR_FAULT_COUNT", (folder / "count").string()},
                         {"XR_SLOW_FSYNC", slow}};
  REQUIRE(run(folder, arguments(folder, "undisturbed", keep), counted).status == 0);
  const int operations = std::stoi(read_text(folder / "count"));
  REQUIRE(operations > 30);
  if (keep) first = operations / 2;  // before, nothing is removed
  for (int at = first; at <= operations; at += stride) {
    INFO("killed at file operation " << at << " of " << operations);
    fs::remove_all(folder / "killed");
    RunSettings killed;
    killed.environment = {
        {"LD_PRELOAD", XR_FILE_FAULT}, {"XR_FAULT_AT", std::to_string(at)}, {"XR_SLOW_FSYNC", slow}};
    // How often the state is written is a matter of time, so that the last operations may be missing.
    const int status = run(folder, arguments(folder, "killed", keep), killed).status;
    CHECK((status == 1009 || (keep && at > operations / 2 && status == 0)));
    REQUIRE(run(folder, arguments(folder, "killed", keep)).status == 0);
    check_same_results(folder / "undisturbed", folder / "killed");
    check_no_leftovers(folder / "killed");
  }
}

#endif

}  // namespace

#if !defined(XR_SANITIZED)

TEST_CASE("A run killed at a file operation resumes to the same bytes - part 1 of 4") {
  kill_at_operations(false, 1, 4);
}
TEST_CASE("A run killed at a file operation resumes to the same bytes - part 2 of 4") {
  kill_at_operations(false, 2, 4);
}
TEST_CASE("A run killed at a file operation resumes to the same bytes - part 3 of 4") {
  kill_at_operations(false, 3, 4);
}
TEST_CASE("A run killed at a file operation resumes to the same bytes - part 4 of 4") {
  kill_at_operations(false, 4, 4);
}
TEST_CASE("A run with --keep on a slow disk killed at a file operation resumes to the same bytes") {
  kill_at_operations(true, 1, 3);
}

#endif

TEST_CASE("Runs killed at random moments and resumed again and again end in the same bytes") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, arguments(folder, "undisturbed", false)).status == 0);
  const auto started = std::chrono::steady_clock::now();
  REQUIRE(run(folder, arguments(folder, "timed", false)).status == 0);
  const double duration = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  Philox random(20, 1);
  int kills = 0, attempts = 0;
  for (int round = 0; kills < 24 && round < 100; ++round) {
    const std::string name = fmt::format("round{}", round);
    for (int status = -1; status != 0; ++attempts) {
      RunSettings settings;
      settings.kill_after = random.uniform() * 1.1 * duration;
      if (attempts % 4 == 3) settings.kill_after = -1;  // so that each round ends
      status = run(folder, arguments(folder, name, false), settings).status;
      REQUIRE((status == 0 || status == 1009));
      if (status == 1009) ++kills;
    }
    check_same_results(folder / "undisturbed", folder / name);
    check_no_leftovers(folder / name);
  }
  CHECK(kills >= 24);
}

}  // namespace xr::apps::test
