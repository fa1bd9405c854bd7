// Several processes that mpirun started: the bytes of one process, one message for an error, an end for all.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <fstream>
#include <optional>
#include <sstream>

#include "apps/mpi/launcher.h"
#include "apps/mpi/process_ranks.h"
#include "kernels/common/random.h"
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

namespace {

/// Skips the test with a line where there is no mpirun, or a program without MPI.
bool can_start_ranks() {
  if (mpi::library().empty()) {
    WARN("not tested: this build has no MPI (install " << mpi::package << ")");
    return false;
  }
  if (std::system("command -v mpirun >/dev/null") != 0) {
    WARN("not tested: there is no mpirun (install openmpi-bin)");
    return false;
  }
  return true;
}

/// More ranks than cores, as root, in a container that forbids to read another process's memory.
RunSettings with_ranks(int count) {
  RunSettings settings;
  settings.environment = {{"OMPI_ALLOW_RUN_AS_ROOT", "1"},
                          {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"},
                          {"OMPI_MCA_rmaps_base_oversubscribe", "1"},
                          {"OMPI_MCA_hwloc_base_binding_policy", "none"},
                          {"OMPI_MCA_btl_vader_single_copy_mechanism", "none"},
                          {"ASAN_OPTIONS", "detect_leaks=0"}};  // Open MPI keeps some memory
  settings.launcher = {"mpirun", "-n", std::to_string(count)};
  return settings;
}

Arguments sharded(const TemporaryFolder& folder, const std::string& out, const Arguments& more = {}) {
  Arguments arguments = tiny(folder, out, {"--epochs", "2", "--shards", "12", "--timeout", "60"});
  replace_value(arguments, "--threads", "1");
  replace_value(arguments, "--batch-size", "12");
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

/// For mpirun -n 1 xrtrain ARGUMENTS : -n 1 START ARGUMENTS MORE, where START ends in the program.
Arguments with_second(const Arguments& arguments, const Arguments& start, const Arguments& more = {}) {
  Arguments two = arguments;
  two.insert(two.end(), {":", "-n", "1"});
  for (const Arguments* part : {&start, &arguments, &more}) two.insert(two.end(), part->begin(), part->end());
  return two;
}

/// The error lines of the program, without what mpirun says.
std::vector<std::string> error_lines(const Result& result) {
  std::vector<std::string> found;
  std::istringstream lines(result.error);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("xrtrain: error: ")) found.push_back(line);
  return found;
}

std::string one_error(const Result& result) {
  const std::vector<std::string> lines = error_lines(result);
  INFO(result.error);
  CHECK(lines.size() == 1);
  return lines.empty() ? "" : lines.front();
}

/// The process of a rank that mpirun (`launcher`) started, once it is one.
std::optional<int> process_of_rank(int launcher, int rank) {
  std::error_code code;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc", code)) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::string status = read_text(entry.path() / "status");
    if (status.find(fmt::format("\nPPid:\t{}\n", launcher)) == std::string::npos) continue;
    const std::string environment = '\0' + read_text(entry.path() / "environ");
    if (environment.find(std::string(1, '\0') + fmt::format("OMPI_COMM_WORLD_RANK={}", rank) + '\0') !=
        std::string::npos)
      return std::stoi(name);
  }
  return {};
}

/// Sends a signal to a rank, once, as soon as `is_time` and the rank is there.
std::function<void(int)> signal_to(int rank, int signal, const std::function<bool()>& is_time) {
  return [=, done = false](int launcher) mutable {
    if (done || !is_time()) return;
    const std::optional<int> process = process_of_rank(launcher, rank);
    done = process && ::kill(*process, signal) == 0;
  };
}

/// Whether that many seconds have passed.
std::function<bool()> after(double seconds) {
  using Clock = std::chrono::steady_clock;
  return [=, started = Clock::now()] {
    return std::chrono::duration<double>(Clock::now() - started).count() >= seconds;
  };
}

void check_networks(const std::string& network) {
  if (!can_start_ranks()) return;
  TemporaryFolder folder;
  make_phantoms(folder, 12, 2);
  Arguments more = {"--ema", "0.9", "--augment", "mild"};
  const auto arguments = [&](const std::string& out) {
    Arguments result = sharded(folder, out, more);
    replace_value(result, "--model", network);
    return result;
  };
  REQUIRE(run(folder, arguments("alone")).status == 0);
  for (const int count : {2, 3, 4}) {
    const std::string out = fmt::format("ranks{}", count);
    const Result result = run(folder, arguments(out), with_ranks(count));
    REQUIRE(result.status == 0);
    CHECK(std::ranges::count(result.output, '\n') > 5);
    CHECK(result.output.find("Epoch 1/1") == result.output.rfind("Epoch 1/1"));  // one rank speaks
    check_same_results(folder / "alone", folder / out);
    check_no_leftovers(folder / out);
  }
}

}  // namespace

TEST_CASE("2, 3 and 4 ranks end in the bytes of one process: report_cnn") {
  check_networks("report_cnn");
}

TEST_CASE("2, 3 and 4 ranks end in the bytes of one process: xray_resnet") {
  check_networks("xray_resnet");
}

TEST_CASE("a run continues with another number of ranks") {
  if (!can_start_ranks()) return;
  TemporaryFolder folder;
  make_phantoms(folder, 12, 2);
  REQUIRE(run(folder, sharded(folder, "alone", {"--epochs", "3", "--schedule", "constant"})).status == 0);
  Arguments first = sharded(folder, "changed", {"--schedule", "constant"}), rest = first;
  replace_value(first, "--epochs", "1");
  REQUIRE(run(folder, first, with_ranks(4)).status == 0);
  replace_value(rest, "--epochs", "3");
  rest.emplace_back("--resume");
  REQUIRE(run(folder, rest, with_ranks(2)).status == 0);
  check_same_results(folder / "alone", folder / "changed");
  Arguments other = rest;
  replace_value(other, "--shards", "6");
  CHECK_THAT(one_error(run(folder, other, with_ranks(2))), contains("--shards"));
}

TEST_CASE("a rank that sees other images, or cannot read one, ends all with one message") {
  if (!can_start_ranks()) return;
  if (std::system("unshare --mount true 2>/dev/null") != 0) {
    WARN("not tested: mounting another folder for one rank needs root");
    return;
  }
  TemporaryFolder folder;
  make_phantoms(folder, 12, 2);
  // The second rank finds another folder under the same path.
  const fs::path other = folder / "other";
  fs::copy(folder / "data", other, fs::copy_options::recursive);
  const Arguments in_other_folder = {"unshare",
                                     "--mount",
                                     "sh",
                                     "-c",
                                     R"(mount --bind "$0" "$1" && shift && exec "$@")",
                                     other.string(),
                                     (folder / "data").string(),
                                     XR_PROGRAM};
  fs::path first;
  for (const auto& entry : fs::recursive_directory_iterator(other / "train"))
    if (entry.is_regular_file() && (first.empty() || entry.path() < first)) first = entry.path();
  const auto refused = [&](const Arguments& more, int status) {
    const Result result =
        run(folder, with_second(sharded(folder, "run", more), in_other_folder, {}), with_ranks(1));
    CHECK(result.status == status);
    CHECK_FALSE(fs::exists(folder / "run" / "config.toml"));
    return one_error(result);
  };
  make_png(first, 77);
  CHECK_THAT(refused({"--no-cache"}, 2),
             contains("rank 1 on host") && contains("differs from rank 0 in images: "));
  write_text(first, "not an image");
  CHECK_THAT(refused({"--no-cache", "--strict"}, 3),
             contains("rank 1 on host") && contains(first.filename().string()));
}

TEST_CASE("ranks that do not belong together refuse to start, with one message") {
  if (!can_start_ranks()) return;
  TemporaryFolder folder;
  make_phantoms(folder, 12, 2);
  const auto line_of = [&](const Arguments& arguments, int ranks, int status) {
    const Result result = run(folder, arguments, with_ranks(ranks));
    CHECK(result.status == status);
    return one_error(result);
  };
  CHECK_THAT(line_of(sharded(folder, "five"), 5, 2),
             contains("5 ranks do not divide --shards 12: use --shards 15"));
  CHECK_THAT(line_of({"eval", (folder / "nowhere").string()}, 2, 2),
             contains("eval") && contains("start it without mpirun"));

  CHECK_THAT(line_of(with_second(sharded(folder, "differs"), {XR_PROGRAM}, {"--lr", "0.5"}), 1, 2),
             contains("rank 1 on host") && contains("differs from rank 0 in --lr: 0.5, rank 0 has no value"));
  CHECK_FALSE(fs::exists(folder / "differs"));

  // A program with a byte more at its end, which it does not read.
  const fs::path program = folder / "xrtrain";
  fs::copy_file(XR_PROGRAM, program);
  std::ofstream(program, std::ios::binary | std::ios::app) << '\n';
  CHECK_THAT(line_of(with_second(sharded(folder, "differs"), {program.string()}), 1, 2),
             contains("rank 1 on host") && contains("differs from rank 0 in program: "));
  CHECK_FALSE(fs::exists(folder / "differs"));

  Arguments missing = sharded(folder, "missing");
  replace_value(missing, "--data", (folder / "no_images").string());
  CHECK_THAT(line_of(missing, 3, 3),
             contains("rank 0 on host") || contains("rank 1 on host") || contains("rank 2 on host"));
  CHECK_FALSE(fs::exists(folder / "missing" / "config.toml"));
}

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

TEST_CASE("runs whose ranks are killed at random go on, on other numbers of ranks, to the same bytes") {
  if (!can_start_ranks()) return;
  TemporaryFolder folder;
  make_phantoms(folder, 12, 2);
  const auto arguments = [&](const std::string& out) {
    Arguments result = sharded(folder, out, {"--resume"});
    replace_value(result, "--epochs", "6");
    return result;
  };
  REQUIRE(run(folder, arguments("undisturbed")).status == 0);
  const auto started = std::chrono::steady_clock::now();
  REQUIRE(run(folder, arguments("timed"), with_ranks(2)).status == 0);
  const double duration = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  Philox random(21, 1);
  int kills = 0;
  for (int round = 0; kills < 5 && round < 40; ++round) {
    const std::string name = fmt::format("round{}", round);
    for (int attempt = 0;; ++attempt) {
      const int ranks = std::array{2, 3, 4}[random.below(3)];
      RunSettings settings = with_ranks(ranks);
      if (attempt % 4 != 3)  // so that each round ends
        settings.while_running = signal_to(static_cast<int>(random.below(static_cast<std::uint32_t>(ranks))),
                                           SIGKILL, after(random.uniform() * duration));
      const Result result = run(folder, arguments(name), settings);
      if (result.status == 0) break;
      ++kills;
      CHECK(error_lines(result).size() <= 1);
    }
    check_same_results(folder / "undisturbed", folder / name);
    check_no_leftovers(folder / name);
  }
  CHECK(kills >= 5);
}

TEST_CASE("the option --shards is checked, and changes a run in one process only by its own rule") {
  TemporaryFolder folder;
  make_phantoms(folder);
  CHECK_THAT(run(folder, tiny(folder, "many", {"--shards", "5"})).error_line(),
             contains("--shards is 5, but --batch-size is 4"));
  REQUIRE(run(folder, tiny(folder, "one", {"--epochs", "1"})).status == 0);
  REQUIRE(run(folder, tiny(folder, "same", {"--epochs", "1", "--shards", "1"})).status == 0);
  check_same_results(folder / "one", folder / "same");
}

TEST_CASE("what a launcher puts into the environment") {
  ::unsetenv("OMPI_COMM_WORLD_SIZE");
  ::unsetenv("PMI_SIZE");
  ::unsetenv("SLURM_STEP_NUM_TASKS");
  CHECK(mpi::launched_ranks() == 1);
  ::setenv("SLURM_NTASKS", "8", 1);  // a batch script is one process
  CHECK(mpi::launched_ranks() == 1);
  ::unsetenv("SLURM_NTASKS");
  ::setenv("PMI_SIZE", "3", 1);
  ::setenv("PMI_RANK", "2", 1);
  CHECK(mpi::launched_ranks() == 3);
  CHECK(mpi::launched_rank() == 2);
  ::setenv("PMI_SIZE", "three", 1);
  CHECK(mpi::launched_ranks() == 1);
  ::unsetenv("PMI_SIZE");
  ::unsetenv("PMI_RANK");
}

}  // namespace xr::apps::test
