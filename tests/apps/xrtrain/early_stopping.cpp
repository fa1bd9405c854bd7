// --patience: the end of a training that gets no better.
#include <fmt/core.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "apps/xrtrain/run/run_folder.h"
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

namespace {

constexpr std::int64_t epochs_asked = 8;

/// A learning rate at which validation gets better and worse.
Arguments restless(const TemporaryFolder& folder, const std::string& out, const std::string& patience) {
  return tiny(folder, out,
              {"--epochs", std::to_string(epochs_asked), "--lr", "0.01", "--schedule", "constant",
               "--warmup-epochs", "0", "--patience", patience});
}

nlohmann::json training_of(const fs::path& run) {
  return nlohmann::json::parse(read_text(run / "metrics.json")).at("training");
}

struct Stop {
  std::int64_t epochs = epochs_asked, best = 0;
};

/// Where a run with the history of a whole one ends.
Stop expected_stop(const fs::path& whole, std::int64_t patience) {
  std::istringstream lines(read_text(whole / "history.csv"));
  std::string line;
  std::getline(lines, line);
  Stop stop;
  std::int64_t most = -1;
  double least = 0;
  for (std::int64_t epoch = 0; std::getline(lines, line); ++epoch) {
    std::vector<std::string> fields;
    std::istringstream text(line);
    for (std::string field; std::getline(text, field, ',');) fields.push_back(field);
    const double loss = std::stod(fields.at(6));
    const std::int64_t right = std::stoll(fields.at(8));
    if (right > most || (right == most && loss < least)) {
      most = right;
      least = loss;
      stop.best = epoch;
    }
    if (epoch - stop.best < patience) continue;
    stop.epochs = epoch + 1;
    break;
  }
  return stop;
}

}  // namespace

TEST_CASE("Training ends when patience is at its end, and everything says so") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, restless(folder, "whole", "0")).status == 0);
  const Stop stop = expected_stop(folder / "whole", 2);
  REQUIRE(stop.epochs < epochs_asked);
  const Result result = run(folder, restless(folder, "run", "2"));
  REQUIRE(result.status == 0);
  const std::vector<std::int64_t> checkpoints = list_checkpoints(folder / "run");
  CHECK(static_cast<std::int64_t>(checkpoints.size()) == stop.epochs);
  for (const std::int64_t epoch : checkpoints)
    CHECK(read_text(checkpoint_path(folder / "run", epoch)) ==
          read_text(checkpoint_path(folder / "whole", epoch)));
  CHECK_THAT(
      result.output,
      contains(fmt::format("Early stopping: no better validation in 2 epochs after epoch {} (--patience); "
                           "{} of {} epochs run",
                           stop.best, stop.epochs, epochs_asked)));
  CHECK(training_of(folder / "run") == nlohmann::json{{"epochs_asked", epochs_asked},
                                                      {"epochs_run", stop.epochs},
                                                      {"patience", 2},
                                                      {"ended_early", true}});
  CHECK_THAT(read_text(folder / "run/report.html"),
             contains(fmt::format("{} of {} epochs (early stopping: 2 without", stop.epochs, epochs_asked)));
  // eval knows it from the run's folder.
  const auto before = results_of(folder / "run");
  REQUIRE(run(folder, {"eval", (folder / "run").string()}).status == 0);
  CHECK(training_of(folder / "run")["epochs_run"] == stop.epochs);
  // Resumed as it is, nothing is left to train.
  const Result again = run(folder, {"train", "--out", (folder / "run").string(), "--resume"});
  REQUIRE(again.status == 0);
  CHECK_THAT(again.output, contains("The training is complete") && contains("Early stopping"));
  CHECK(results_of(folder / "run") == before);
  const Result events = run(folder, {"train", "--out", (folder / "run").string(), "--resume", "--json"});
  CHECK_THAT(events.output, contains("\"event\":\"early_stopping\""));
}

TEST_CASE("A run that ended early goes on with more patience, to the bytes of a run that had it") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, restless(folder, "whole", "0")).status == 0);
  REQUIRE(run(folder, restless(folder, "patient", "2")).status == 0);
  REQUIRE(run(folder, restless(folder, "run", "1")).status == 0);
  CHECK(list_checkpoints(folder / "run").size() < list_checkpoints(folder / "patient").size());
  REQUIRE(run(folder, {"train", "--out", (folder / "run").string(), "--resume", "--patience", "2"}).status ==
          0);
  check_same_results(folder / "patient", folder / "run");
  const Result off =
      run(folder, {"train", "--out", (folder / "run").string(), "--resume", "--patience", "0"});
  REQUIRE(off.status == 0);
  CHECK_THAT(off.output, !contains("Early stopping"));
  CHECK(training_of(folder / "run")["ended_early"] == false);
  check_same_results(folder / "whole", folder / "run");
}

TEST_CASE("Patience that is not at its end changes nothing") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny(folder, "without")).status == 0);
  REQUIRE(run(folder, tiny(folder, "with", {"--patience", "3"})).status == 0);
  for (const std::int64_t epoch : {0, 1, 2})
    CHECK(read_text(checkpoint_path(folder / "without", epoch)) ==
          read_text(checkpoint_path(folder / "with", epoch)));
  CHECK(training_of(folder / "with")["ended_early"] == false);
}

TEST_CASE("Patience needs validation images") {
  TemporaryFolder folder;
  make_phantoms(folder);
  Arguments arguments = restless(folder, "run", "2");
  replace_value(arguments, "--val-fraction", "0");
  const Result result = run(folder, arguments);
  CHECK(result.status == 2);
  CHECK_THAT(result.error_line(), contains("--patience is 2") && contains("--val-fraction"));
  CHECK_FALSE(fs::exists(folder / "run/config.toml"));
}

}  // namespace xr::apps::test
