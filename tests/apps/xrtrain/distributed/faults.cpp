// Ranks that stop, die, or cannot write: all end, with one message, and the run goes on to the same bytes.
#include <sys/mount.h>

#include <array>
#include <csignal>
#include <fstream>

#include "kernels/common/random.h"
#include "tests/apps/xrtrain/distributed/support.h"

namespace xr::apps::test {

TEST_CASE("a rank that stops answering ends all others at the deadline, by name") {
  if (!can_start_ranks()) return;
  TemporaryFolder folder;
  make_phantoms(folder, 12, 2);
  Arguments arguments = sharded(folder, "stopped");
  replace_value(arguments, "--timeout", "2");
  replace_value(arguments, "--epochs", "5000");
  RunSettings settings = with_ranks(2);
  settings.while_running =
      signal_to(1, SIGSTOP, [path = folder / "stopped" / "history.csv"] { return fs::exists(path); });
  const Result result = run(folder, arguments, settings);
  CHECK(result.status != 0);
  CHECK_THAT(one_error(result), contains("rank 1 on host") && contains("did not answer") &&
                                    contains("within 2 s") && contains("--timeout"));
  check_no_leftovers(folder / "stopped");
}

TEST_CASE("ranks that are killed 20 times at random continue, in other numbers, to the same bytes") {
  if (!can_start_ranks()) return;
  TemporaryFolder folder;
  make_phantoms(folder, 12, 2);
  const auto arguments = [&](const std::string& out) {
    Arguments result = sharded(folder, out, {"--resume", "--keep", "2"});
    replace_value(result, "--epochs", "40");
    return result;
  };
  REQUIRE(run(folder, arguments("undisturbed")).status == 0);
  Philox random(21, 1);
  int kills = 0;
  const auto start = [&](bool is_killed) {
    const int ranks = std::array{2, 3, 4}[random.below(3)];
    const int rank = static_cast<int>(random.below(static_cast<std::uint32_t>(ranks)));
    const double seconds = 0.2 + 0.6 * random.uniform();
    RunSettings settings = with_ranks(ranks);
    if (is_killed) settings.while_running = signal_to(rank, SIGKILL, after(seconds));
    const Result result = run(folder, arguments("killed"), settings);
    CHECK(error_lines(result).size() <= 1);
    if (result.status != 0) ++kills;
    return result.status;
  };
  // What a run of few kills has left to do is done again where it ends before there were enough.
  for (int attempt = 0; kills < 20 && attempt < 60; ++attempt)
    if (start(true) == 0) {
      check_same_results(folder / "undisturbed", folder / "killed");
      fs::remove_all(folder / "killed");
    }
  CHECK(kills == 20);
  CHECK(start(false) == 0);
  check_same_results(folder / "undisturbed", folder / "killed");
  check_no_leftovers(folder / "killed");
}

TEST_CASE("a full disk on rank 0 ends all ranks with one message") {
  if (!can_start_ranks()) return;
  TemporaryFolder folder;
  make_phantoms(folder, 12, 2);
  fs::create_directories(folder / "small");
  if (::mount("none", (folder / "small").c_str(), "tmpfs", 0, "size=40m") != 0) {
    WARN("not tested: no small file system can be mounted here");
    return;
  }
  const auto arguments = [&](const std::string& out) {
    Arguments result = sharded(folder, out, {"--keep", "1", "--resume"});
    replace_value(result, "--epochs", "30");
    return result;
  };
  REQUIRE(run(folder, arguments("undisturbed")).status == 0);
  const fs::path filler = folder / "small/filler", out = folder / "small/run";
  RunSettings settings = with_ranks(2);
  settings.while_running = [&, done = false](int) mutable {
    if (done || !fs::exists(out / "history.csv")) return;
    std::ofstream file(filler, std::ios::binary);
    const std::string zeros(1 << 20, '\0');
    while (file.write(zeros.data(), static_cast<std::streamsize>(zeros.size())).flush()) {
    }
    done = true;
  };
  const Result full = run(folder, arguments("small/run"), settings);
  CHECK(full.status == 1);
  CHECK_THAT(one_error(full),
             contains("rank 0 on host") && contains("cannot write") && contains("No space left on device"));
  check_no_leftovers(out);
  fs::remove(filler);
  CHECK(run(folder, arguments("small/run"), with_ranks(3)).status == 0);
  check_same_results(folder / "undisturbed", out);
  ::umount((folder / "small").c_str());
}

}  // namespace xr::apps::test
