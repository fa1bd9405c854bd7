// Several processes that mpirun started: the bytes of one process, one message for an error, an end for all.
#include "tests/apps/xrtrain/distributed/support.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <numeric>
#include <sstream>

#include "apps/mpi/launcher.h"

namespace xr::apps::test {

namespace {

/// How many files each rank decoded of all splits, by the run's log.
std::vector<int> decoded_by_rank(const fs::path& run) {
  const std::string label = "Files decoded by each rank: ";
  std::vector<int> all;
  std::istringstream lines(read_text(run / "log.txt"));
  for (std::string line; std::getline(lines, line);) {
    const std::size_t at = line.find(label);
    if (at == std::string::npos) continue;
    std::istringstream numbers(line.substr(at + label.size()));
    std::string number;
    for (std::size_t rank = 0; std::getline(numbers, number, ','); ++rank) {
      all.resize(std::max(all.size(), rank + 1));
      all[rank] += std::stoi(number);
    }
  }
  return all;
}

/// Each file is decoded once, and every rank has its part of the three splits.
void check_decoded(const fs::path& run, int ranks, int files) {
  const std::vector<int> decoded = decoded_by_rank(run);
  CHECK(static_cast<int>(decoded.size()) == ranks);
  CHECK(std::accumulate(decoded.begin(), decoded.end(), 0) == files);
  for (const int of_rank : decoded) {
    CHECK(of_rank >= files / ranks - 3);
    CHECK(of_rank <= files / ranks + 3);
  }
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
    RunSettings settings = with_ranks(count);
    // Three have no cache, two and four share an empty one.
    settings.environment["XRTRAIN_CACHE"] =
        count == 3 ? "/dev/null/none" : (folder / fmt::format("cache{}", count)).string();
    const Result result = run(folder, arguments(out), settings);
    REQUIRE(result.status == 0);
    check_decoded(folder / out, count, 28);
    CHECK(std::ranges::count(result.output, '\n') > 5);
    CHECK_THAT(result.output, !contains("\033"));                                // no live lines
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
  const auto in_other_folder = [&](const std::string& cache) -> Arguments {
    return {"unshare",
            "--mount",
            "sh",
            "-c",
            R"(mount --bind "$0" "$1" && shift && exec "$@")",
            other.string(),
            (folder / "data").string(),
            "env",
            "XRTRAIN_CACHE=" + (folder / cache).string(),
            XR_PROGRAM};
  };
  // The same images: as if on another machine.
  REQUIRE(run(folder, sharded(folder, "alone", {"--no-cache"})).status == 0);
  const Result apart = run(folder, sharded(folder, "apart"),
                           with_second(sharded(folder, "apart"), in_other_folder("other_cache")));
  CHECK(apart.status == 0);
  check_decoded(folder / "apart", 2, 28);
  CHECK_THAT(read_text(folder / "apart/history.csv"), Catch::Equals(read_text(folder / "alone/history.csv")));
  CHECK(read_text(folder / "apart/checkpoints/01.safetensors") ==
        read_text(folder / "alone/checkpoints/01.safetensors"));

  fs::path first;
  for (const auto& entry : fs::recursive_directory_iterator(other / "train"))
    if (entry.is_regular_file() && (first.empty() || entry.path() < first)) first = entry.path();
  const auto refused = [&](const Arguments& more, int status) {
    const Arguments arguments = sharded(folder, "run", more);
    const Result result = run(folder, arguments, with_second(arguments, in_other_folder("cache")));
    CHECK(result.status == status);
    CHECK_FALSE(fs::exists(folder / "run" / "config.toml"));
    return one_error(result);
  };
  make_png(first, 77);
  for (const char* option : {"--no-cache", "--verbose"})  // the second with one cache for both
    CHECK_THAT(refused({option}, 2),
               contains("rank 1 on host") && contains("differs from rank 0 in images: "));
  write_text(first, "not an image");
  for (const char* option : {"--strict", "--quiet"})
    CHECK_THAT(refused({"--no-cache", option}, 3),
               contains("rank 1 on host") && contains(first.filename().string()) &&
                   contains("the content is a text") && contains("rank 0 on host"));
  fs::remove(first);
  CHECK_THAT(refused({}, 2), contains("rank 1 on host") && contains("differs from rank 0 in images: "));
}

TEST_CASE("a file that one rank may not read ends all with one message, cached or not") {
  if (!can_start_ranks()) return;
  if (std::system("setpriv --bounding-set=-dac_override,-dac_read_search true 2>/dev/null") != 0) {
    WARN("not tested: a rank without root's right to read anything needs setpriv, and root");
    return;
  }
  TemporaryFolder folder;
  make_phantoms(folder, 12, 2);
  const Arguments as_other = {"setpriv", "--bounding-set=-dac_override,-dac_read_search", XR_PROGRAM};
  fs::path last;
  for (const auto& entry : fs::recursive_directory_iterator(folder / "data/train"))
    if (entry.is_regular_file()) last = std::max(last, entry.path());
  fs::permissions(last, fs::perms::none);
  for (const bool is_cached : {false, true}) {
    if (is_cached) REQUIRE(run(folder, sharded(folder, "alone")).status == 0);
    const Result result = run(folder, sharded(folder, "run"), with_second(sharded(folder, "run"), as_other));
    CHECK(result.status == 3);
    CHECK_THAT(one_error(result), contains("rank 1 on host") && contains(last.filename().string()) &&
                                      contains("Permission denied") && contains("rank 0 on host"));
    CHECK_FALSE(fs::exists(folder / "run" / "config.toml"));
  }
}

TEST_CASE("ranks that do not belong together refuse to start, with one message") {
  if (!can_start_ranks()) return;
  TemporaryFolder folder;
  make_phantoms(folder, 12, 2);
  const auto line_of = [&](const Arguments& arguments, const RunSettings& settings, int status) {
    const Result result = run(folder, arguments, settings);
    CHECK(result.status == status);
    return one_error(result);
  };
  CHECK_THAT(line_of(sharded(folder, "five"), with_ranks(5), 2),
             contains("5 ranks do not divide --shards 12: use --shards 15"));
  CHECK_THAT(line_of({"train", "--nonsense", "3"}, with_ranks(3), 2),
             contains("rank ") && contains(" on host ") && contains("--nonsense"));  // of all, the first
  CHECK_THAT(
      line_of(sharded(folder, "five"), with_second(sharded(folder, "five"), {XR_PROGRAM}, {"--nonsense"}), 2),
      contains("rank 1 on host") && contains("--nonsense"));
  const Arguments differs = sharded(folder, "differs");
  CHECK_THAT(line_of({"info"}, with_ranks(2), 2), contains("info") && contains("start it without mpirun"));

  CHECK_THAT(line_of(differs, with_second(differs, {XR_PROGRAM}, {"--lr", "0.5"}), 2),
             contains("rank 1 on host") && contains("differs from rank 0 in --lr: 0.5, rank 0 has no value"));
  CHECK_FALSE(fs::exists(folder / "differs"));

  // A program with a byte more at its end, which it does not read.
  const fs::path program = folder / "xrtrain";
  fs::copy_file(XR_PROGRAM, program);
  std::ofstream(program, std::ios::binary | std::ios::app) << '\n';
  CHECK_THAT(line_of(differs, with_second(differs, {program.string()}), 2),
             contains("rank 1 on host") && contains("differs from rank 0 in program: "));
  CHECK_FALSE(fs::exists(folder / "differs"));

  Arguments missing = sharded(folder, "missing");
  replace_value(missing, "--data", (folder / "no_images").string());
  CHECK_THAT(line_of(missing, with_ranks(3), 3),
             contains("rank 0 on host") || contains("rank 1 on host") || contains("rank 2 on host"));
  CHECK_FALSE(fs::exists(folder / "missing" / "config.toml"));
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
