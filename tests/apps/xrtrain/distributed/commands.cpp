// eval, predict, audit and cv on several ranks: the bytes of one process.
#include <fmt/format.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "tests/apps/xrtrain/distributed/support.h"

namespace xr::apps::test {

namespace {

/// All files, but for those that hold times.
std::map<std::string, std::string> files_of(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    const fs::path& path = entry.path();
    const bool has_times = path.filename() == "log.txt" || path.filename() == "timing.csv" ||
                           (path.extension() == ".txt" && path.parent_path().filename() == "runs");
    if (entry.is_regular_file() && !has_times)
      files[path.lexically_relative(folder).string()] = read_text(path);
  }
  return files;
}

void check_equal_folders(const fs::path& a, const fs::path& b) {
  check_same_files(files_of(a), files_of(b));
}

std::string without_part(std::string text, const std::string& part) {
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part))
    text.erase(at, part.size());
  return text;
}

/// The program's own lines of standard error.
std::string own_lines(const Result& result) {
  std::istringstream lines(result.error);
  std::string found;
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("xrtrain: ")) found += line + '\n';
  return found;
}

}  // namespace

TEST_CASE("3 ranks evaluate and predict as one process does") {
  if (!can_start_ranks()) return;
  TemporaryFolder folder;
  make_phantoms(folder, 6, 5);
  REQUIRE(run(folder, tiny(folder, "run")).status == 0);
  const std::string trained = (folder / "run").string(), data = (folder / "data").string();
  write_text(folder / "data/test/covid/broken.png", "not an image");
  // Four batches of test images, one of validation; what one process and several ranks print and write.
  const auto check_eval = [&](const Arguments& more) {
    Arguments arguments = {"eval", trained, "--batch-size", "3", "--threads", "2", "--verbose", "--out"};
    const auto to = [&](const std::string& out) {
      Arguments result = arguments;
      result.push_back((folder / out).string());
      result.insert(result.end(), more.begin(), more.end());
      return result;
    };
    const Result alone = run(folder, to("alone"));
    REQUIRE(alone.status == 0);
    const Result ranks = run(folder, to("ranks"), with_ranks(3));
    CHECK(ranks.status == 0);
    CHECK(own_lines(ranks) == own_lines(alone));
    check_equal_folders(folder / "alone", folder / "ranks");
    fs::remove_all(folder / "ranks");
    fs::remove_all(folder / "alone");
  };
  check_eval({});
  check_eval({"--data", data, "--tta", "2"});
  Arguments ensemble = {(folder / "run/checkpoints/00.safetensors").string(), "--data", data};
  check_eval(ensemble);

  const auto check_predict = [&](const Arguments& more) {
    Arguments arguments = {"predict", trained, data, "--batch-size", "5", "--threads", "2"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto with_maps = [&](const std::string& out) {
      Arguments result = arguments;
      if (more.empty()) result.insert(result.end(), {"--explain", (folder / out).string(), "--csv"});
      return result;
    };
    const Result alone = run(folder, with_maps("maps"));
    CHECK(alone.status == 3);  // a file is broken
    const Result ranks = run(folder, with_maps("maps3"), with_ranks(3));
    CHECK(ranks.status == 3);
    CHECK(without_part(ranks.output, (folder / "maps3").string()) ==
          without_part(alone.output, (folder / "maps").string()));
    CHECK(own_lines(ranks) == own_lines(alone));
    if (more.empty()) check_equal_folders(folder / "maps", folder / "maps3");
  };
  check_predict({});
  check_predict({"--json"});
}

TEST_CASE("ranks that evaluate other images than rank 0, and what they cannot share, end with one message") {
  if (!can_start_ranks()) return;
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny(folder, "run", {"--epochs", "1"})).status == 0);
  const std::string trained = (folder / "run").string(), data = (folder / "data").string();
  const Arguments evaluate = {"eval", trained, "--data", data};
  CHECK_THAT(one_error(run(folder, evaluate, with_second(evaluate, {XR_PROGRAM}, {"--tta", "2"}))),
             contains("rank 1 on host") && contains("differs from rank 0 in arguments: "));
  CHECK_THAT(one_error(run(folder, {"eval", (folder / "nowhere").string()}, with_ranks(2))),
             contains("is not the folder of a run"));
  CHECK_THAT(one_error(run(folder, {"audit", data, "--out", (folder / "audit").string(), "--control"},
                           with_ranks(2))),
             contains("--control") && contains("without mpirun"));
}

TEST_CASE("3 ranks audit a folder as one process does") {
  if (!can_start_ranks()) return;
  TemporaryFolder folder;
  make_phantoms(folder, 8, 4);
  fs::create_directories(folder / "data/test/covid");
  for (const auto& entry : fs::directory_iterator(folder / "data/train/covid")) {  // an exact duplicate
    fs::copy_file(entry.path(), folder / "data/test/covid/copy.png");
    break;
  }
  write_text(folder / "data/test/covid/broken.png", "not an image");
  const auto result_of = [&](const std::string& out, const RunSettings& settings) {
    const Result result =
        run(folder, {"audit", (folder / "data").string(), "--out", (folder / out).string()}, settings);
    CHECK(result.status == 0);
    nlohmann::json json = nlohmann::json::parse(read_text(folder / out / "audit.json"));
    json.erase("seconds");
    return std::pair(json.dump(),
                     without_part(read_text(folder / out / "audit.html"), (folder / out).string()));
  };
  const auto alone = result_of("alone", {});
  CHECK_THAT(alone.first, contains("broken.png") && contains("copy.png"));
  CHECK(result_of("ranks", with_ranks(3)) == alone);
}

TEST_CASE("3 ranks cross-validate as one process does, and go on after one is killed") {
  if (!can_start_ranks()) return;
  TemporaryFolder folder;
  make_phantoms(folder, 6, 2);
  const auto arguments = [&](const std::string& out) {
    Arguments result = tiny(folder, out, {"--folds", "2", "--repeats", "2", "--keep-runs"});
    result.front() = "cv";
    replace_value(result, "--epochs", "2");
    return result;
  };
  REQUIRE(run(folder, arguments("alone")).status == 0);
  const Result ranks = run(folder, arguments("ranks"), with_ranks(3));
  CHECK(ranks.status == 0);
  CHECK(std::ranges::count(ranks.output, '\n') > 5);
  CHECK(ranks.output.find("Repeat 2, fold 2 of 2") == ranks.output.rfind("Repeat 2, fold 2 of 2"));
  check_equal_folders(folder / "alone", folder / "ranks");

  RunSettings killed = with_ranks(3);
  killed.while_running =
      signal_to(2, SIGKILL, [path = folder / "killed/runs/repeat-01-fold-1"] { return fs::exists(path); });
  const Result cut = run(folder, arguments("killed"), killed);
  CHECK(cut.status != 0);
  CHECK(error_lines(cut).size() <= 1);
  Arguments rest = arguments("killed");
  rest.emplace_back("--resume");
  CHECK(run(folder, rest, with_ranks(2)).status == 0);
  check_equal_folders(folder / "alone", folder / "killed");

  // A fold that fails, by name.
  Arguments failing = arguments("failing");
  failing.insert(failing.end(), {"--lr", "1e30", "--optimizer", "sgd"});
  CHECK_THAT(one_error(run(folder, failing, with_ranks(2))),
             contains("on host") && contains("fold") && contains("diverged"));
}

}  // namespace xr::apps::test
