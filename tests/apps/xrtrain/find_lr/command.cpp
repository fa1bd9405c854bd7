// `xrtrain find-lr`.
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "tests/apps/html/well_formed.h"
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

namespace {

Arguments tiny_test(const TemporaryFolder& folder, const std::string& out, const Arguments& more = {}) {
  Arguments arguments = tiny(folder, out, {"--steps", "40", "--min", "1e-6", "--max", "100"});
  arguments.front() = "find-lr";
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

double loss_at(const fs::path& table, int step) {
  std::istringstream lines(read_text(table));
  std::string line;
  for (int i = 0; i <= step + 1; ++i) std::getline(lines, line);
  return std::stod(line.substr(line.find(',', line.find(',') + 1) + 1));
}

}  // namespace

TEST_CASE("find-lr writes the losses, a page and a suggestion, and no weights") {
  TemporaryFolder folder;
  make_phantoms(folder);
  const Result result = run(folder, tiny_test(folder, "range"));
  REQUIRE(result.status == 0);
  CHECK_THAT(result.output, contains("Range test: report_cnn, adamw, batches of 4 of 8 training images") &&
                                contains("Learning rates from 1e-06 to 100 in 40 steps") &&
                                contains("Results are in "));
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder / "range"))
    names.insert(entry.path().filename());
  CHECK(names == std::set<std::string>{"find_lr.csv", "find_lr.html"});
  std::istringstream lines(read_text(folder / "range/find_lr.csv"));
  std::string line;
  std::getline(lines, line);
  CHECK(line == "step,learning_rate,loss,smoothed_loss");
  int count = 0;
  while (std::getline(lines, line)) CHECK(line.starts_with(std::to_string(count++) + ","));
  CHECK(count >= 20);
  CHECK(count <= 40);
  const std::string page = read_text(folder / "range/find_lr.html");
  CHECK(html::markup_fault(page).empty());
  for (const char* part : {"Learning-rate range test", "<svg", "1e-2", "--steps 40", "batch-size = 4"})
    CHECK_THAT(page, contains(part));
}

TEST_CASE("find-lr is the same again for a seed and begins as train does") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny_test(folder, "a")).status == 0);
  const Result again = run(folder, tiny_test(folder, "b", {"--json"}));
  REQUIRE(again.status == 0);
  for (const char* name : {"find_lr.csv", "find_lr.html"}) {
    CAPTURE(name);
    CHECK(read_text(folder / "a" / name) == read_text(folder / "b" / name));
  }
  REQUIRE(run(folder, tiny_test(folder, "c", {"--seed", "1"})).status == 0);
  CHECK(read_text(folder / "a/find_lr.csv") != read_text(folder / "c/find_lr.csv"));
  std::istringstream lines(again.output);
  nlohmann::json event;
  for (std::string line; std::getline(lines, line);)
    if (const auto row = nlohmann::json::parse(line); row["event"] == "find_lr") event = row;
  CHECK(event["steps"] >= 20);
  CHECK(event.contains("suggestion"));

  // With a learning rate of nearly 0 the losses of the first epoch are train's.
  Arguments flat = tiny(folder, "flat", {"--min", "1e-12", "--max", "2e-12", "--steps", "20"});
  flat.front() = "find-lr";
  REQUIRE(run(folder, flat).status == 0);
  CHECK(std::abs(loss_at(folder / "a/find_lr.csv", 19) - loss_at(folder / "flat/find_lr.csv", 19)) > 1e-5);
  const Result trained =
      run(folder, tiny(folder, "run", {"--epochs", "1", "--lr", "1e-12", "--log-level", "debug"}));
  REQUIRE(trained.status == 0);
  for (int step = 0; step < 2; ++step) {
    const double value = loss_at(folder / "flat/find_lr.csv", step);
    const std::string said = "epoch 0 step " + std::to_string(step) + ": loss ";
    const std::size_t at = trained.output.find(said);
    REQUIRE(at != std::string::npos);
    CHECK(std::abs(std::stod(trained.output.substr(at + said.size())) - value) <= 1e-6);
  }
}

TEST_CASE("find-lr refuses what it cannot do") {
  TemporaryFolder folder;
  make_phantoms(folder);
  const auto refused = [&](const Arguments& arguments, int status) {
    const Result result = run(folder, arguments);
    CHECK(result.status == status);
    return result.error_line();
  };
  Arguments wrong = tiny_test(folder, "range");
  replace_value(wrong, "--max", "1e-6");
  CHECK_THAT(refused(wrong, 2), contains("--min is 1e-06 and --max 1e-06"));
  CHECK_THAT(refused(tiny_test(folder, "range", {"--resume"}), 2), contains("--resume"));
  Arguments absent = tiny_test(folder, "range");
  replace_value(absent, "--data", (folder / "absent").string());
  CHECK_THAT(refused(absent, 3), contains("absent"));
  CHECK_FALSE(fs::exists(folder / "range"));
  write_text(folder / "full/notes.txt", "x");
  CHECK_THAT(refused(tiny_test(folder, "full"), 2), contains("holds no range test"));
  REQUIRE(run(folder, tiny_test(folder, "range")).status == 0);
  CHECK_THAT(refused(tiny_test(folder, "range"), 2), contains("--force"));
  CHECK(run(folder, tiny_test(folder, "range", {"--force"})).status == 0);
  CHECK_THAT(refused({"find-lr", "--data", (folder / "data").string()}, 2), contains("--out is missing"));
}

}  // namespace xr::apps::test
