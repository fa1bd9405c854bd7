// `xrtrain train` from images to results.
#include <nlohmann/json.hpp>
#include <sstream>

#include "data/phantom/phantom.h"
#include "engine/io/safetensors.h"
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

bool has_line_like(const std::string& text, const std::string& expression) {
  for (const std::string& line : lines_of(text))
    if (Catch::Matchers::Matches(expression).match(line)) return true;
  return false;
}

}  // namespace

TEST_CASE("A run trains and evaluates every checkpoint and prints the familiar lines") {
  TemporaryFolder folder;
  make_phantoms(folder);
  const Result result = run(folder, tiny(folder, "run", {"--verbose"}));
  REQUIRE(result.status == 0);
  CHECK(result.other_errors({"95% CI"}).empty());  // of the small validation split
  for (const char* expression :
       {"Epoch 0/2", "Epoch 2/2", "Loss: [0-9]+\\.[0-9]{4} Acc: [01]\\.[0-9]{4}",
        "Validation Loss: [0-9]+\\.[0-9]{4} Acc: [01]\\.[0-9]{4}",
        "Loading model .*/run/checkpoints/02\\.safetensors", "Acc: [01]\\.[0-9]{4}",
        "Validation complete in [0-9]+m [0-9]+s",
        "Waiting for batches: [0-9]+\\.[0-9]% of the training steps' time.*",
        "Best Acc: [01]\\.[0-9]{6} \\(optimistic: the best of 3 on the test images\\)",
        R"(Checkpoint 02 \(the only one in the last quarter of the epochs\), 4 test images:)",
        R"(  accuracy [01]\.[0-9]{3} \([0-4]/4, 95% CI .*\))",
        "  best checkpoint on test: 0[012] of 3, accuracy .*\\(optimistic: selected on the test set; .*",
        "Disk: 3 checkpoints of .* are free"}) {
    INFO(expression);
    CHECK(has_line_like(result.output, expression));
  }
  for (const char* name :
       {"config.toml", "history.csv", "timing.csv", "eval.csv", "summary.json", "log.txt",
        "resume.safetensors", "checkpoints/00.safetensors", "checkpoints/02.safetensors"}) {
    INFO(name);
    CHECK(fs::is_regular_file(folder / "run" / name));
  }
  CHECK(lines_of(read_text(folder / "run/history.csv")).size() == 1 + 3);
  CHECK(lines_of(read_text(folder / "run/eval.csv")).size() == 1 + 2 * 3);
  CHECK(lines_of(read_text(folder / "run/timing.csv")).size() == 1 + 3 * 3);
  // The log has all lines that were shown, with the time.
  const std::string log = read_text(folder / "run/log.txt");
  for (const std::string& line : lines_of(result.output)) CHECK_THAT(log, contains(" " + line + "\n"));
}

TEST_CASE("The same seed gives the same bytes and another seed does not") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny(folder, "a")).status == 0);
  REQUIRE(run(folder, tiny(folder, "b", {"--workers", "3"})).status == 0);
  auto a = results_of(folder / "a"), b = results_of(folder / "b");
  a.erase("config.toml");  // has the number of workers
  b.erase("config.toml");
  CHECK(a == b);
  REQUIRE(run(folder, tiny(folder, "c", {"--seed", "1"})).status == 0);
  CHECK(read_text(folder / "a/checkpoints/02.safetensors") !=
        read_text(folder / "c/checkpoints/02.safetensors"));
}

TEST_CASE("Without the cache every run decodes, to the same bytes, and nothing is kept") {
  TemporaryFolder folder;
  make_phantoms(folder);
  for (const char* name : {"a", "b"}) {
    const Result result = run(folder, tiny(folder, name, {"--no-cache", "--epochs", "1"}));
    REQUIRE(result.status == 0);
    CHECK(has_line_like(result.output, "Data .*: 16 images decoded"));
  }
  CHECK_FALSE(fs::exists(folder / "cache"));
  for (const char* images : {"16 images decoded", "all images from the cache"}) {
    const Result result = run(folder, tiny(folder, "c", {"--epochs", "1", "--force"}));
    CHECK(has_line_like(result.output, std::string("Data .*: ") + images));
    CHECK(read_text(folder / "c/checkpoints/00.safetensors") ==
          read_text(folder / "a/checkpoints/00.safetensors"));
  }
  CHECK(run(folder, {"eval", (folder / "c").string(), "--no-cache"}).status == 0);
}

TEST_CASE("A run begins again from its own config file") {
  TemporaryFolder folder;
  make_phantoms(folder);
  const Arguments unusual = {"--optimizer",
                             "sgd",
                             "--momentum",
                             "0.8",
                             "--lr",
                             "0.001",
                             "--schedule",
                             "step",
                             "--warmup-epochs",
                             "1",
                             "--step-epochs",
                             "1",
                             "--step-factor",
                             "0.5",
                             "--no-normalize",
                             "--class-weights",
                             "none",
                             "--label-smoothing",
                             "0.1",
                             "--dropout",
                             "0",
                             "--augment",
                             "report",
                             "--seed",
                             "3",
                             "--channels",
                             "3",
                             "--padding",
                             "1"};
  REQUIRE(run(folder, tiny(folder, "first", unusual)).status == 0);
  REQUIRE(run(folder, {"train", "--config", (folder / "first/config.toml").string(), "--out",
                       (folder / "second").string()})
              .status == 0);
  check_same_results(folder / "first", folder / "second");
}

TEST_CASE("The report presets set the report's values") {
  TemporaryFolder folder;
  make_phantoms(folder);
  const auto config_of = [&](const std::string& preset) {
    const std::string out = (folder / preset).string();
    REQUIRE(run(folder, {"train", "--preset", preset, "--data", (folder / "data").string(), "--out", out,
                         "--image-size", "16", "--epochs", "1", "--val-fraction", "0", "--threads", "1"})
                .status == 0);
    return read_text(folder / preset / "config.toml");
  };
  const std::string report = config_of("report");
  for (const char* line :
       {"model = \"report_cnn\"", "batch-size = 60", "padding = 2", "optimizer = \"adam\"", "lr = 0.001",
        "schedule = \"constant\"", "weight-decay = 0.0", "dropout = 0.25", "augment = \"report\"",
        "class-weights = \"none\"", "normalize = false", "channels = 1"})
    CHECK_THAT(report, contains(line));
  const std::string before = config_of("report-before");
  CHECK_THAT(before, contains("batch-size = 32") && contains("padding = 1"));
}

TEST_CASE("Without validation images the program says that no checkpoint can be chosen") {
  TemporaryFolder folder;
  make_phantoms(folder);
  const Result result = run(folder, tiny(folder, "run", {"--schedule", "constant"}));
  REQUIRE(result.status == 0);
  Arguments none = tiny(folder, "none");
  replace_value(none, "--val-fraction", "0");
  const Result without = run(folder, none);
  REQUIRE(without.status == 0);
  CHECK_THAT(without.output,
             contains("Checkpoint 02 (the last; no validation images to select on), 4 test images:") &&
                 contains("(optimistic: selected on the test set") && !contains("selected on validation"));
  CHECK(lines_of(read_text(folder / "none/eval.csv")).size() == 1 + 3);
}

TEST_CASE("Without --verbose a run ends in at most 15 lines, and its log has the details") {
  TemporaryFolder folder;
  make_phantoms(folder);
  const Result result = run(folder, tiny(folder, "run"));
  REQUIRE(result.status == 0);
  CHECK_THAT(result.output,
             !contains("Loading model") && !contains("Confusion matrix") && !contains("Disk:"));
  CHECK_THAT(read_text(folder / "run/log.txt"),
             contains("Loading model") && contains("Confusion matrix") && contains("Disk:"));
  const std::vector<std::string> lines = lines_of(result.output);
  const auto end = std::ranges::find_if(
      lines, [](const std::string& line) { return line.starts_with("Training complete in "); });
  REQUIRE(end != lines.end());
  CHECK(lines.end() - end <= 15);
  const auto shows = [&](const std::string& start) {
    return std::any_of(end, lines.end(), [&](const std::string& line) { return line.starts_with(start); });
  };
  for (const char* start : {"  accuracy ", "  majority-class baseline (covid): 0.500 (2/4)", "  AUROC ",
                            "  sensitivity ", "  validation accuracy ", "  best checkpoint on test: ",
                            "1 warning: see above", "Report: ", "Checkpoint: "}) {
    INFO(start);
    CHECK(shows(start));
  }
}

TEST_CASE("With --json each line of the output is an object and with --quiet there is none") {
  TemporaryFolder folder;
  make_phantoms(folder);
  const Result json = run(folder, tiny(folder, "json", {"--json"}));
  REQUIRE(json.status == 0);
  std::map<std::string, int> events;
  for (const std::string& line : lines_of(json.output)) ++events[nlohmann::json::parse(line).at("event")];
  CHECK(events == std::map<std::string, int>{
                      {"start", 1}, {"warning", 1}, {"epoch", 3}, {"evaluation", 6}, {"summary", 1}});
  const Result quiet = run(folder, tiny(folder, "quiet", {"--quiet"}));
  CHECK(quiet.status == 0);
  CHECK(quiet.output.empty());
  CHECK(quiet.other_errors({"95% CI"}).empty());
}

TEST_CASE("The summary agrees with the table of results") {
  TemporaryFolder folder;
  make_phantoms(folder, 6, 5);
  REQUIRE(run(folder, tiny(folder, "run")).status == 0);
  const auto summary = nlohmann::json::parse(read_text(folder / "run/summary.json"));
  int best = 0, chosen = -1;
  const std::string chosen_name = summary["chosen_on_validation"]["checkpoint"];
  for (const std::string& line : lines_of(read_text(folder / "run/eval.csv"))) {
    std::istringstream fields(line);
    std::string checkpoint, split, images, correct;
    std::getline(fields, checkpoint, ',');
    std::getline(fields, split, ',');
    std::getline(fields, images, ',');
    std::getline(fields, correct, ',');
    if (split != "test") continue;
    CHECK(images == "10");
    best = std::max(best, std::stoi(correct));
    if (checkpoint == chosen_name) chosen = std::stoi(correct);
  }
  CHECK(summary["best_on_test_optimistic"]["test"]["correct"] == best);
  CHECK(summary["chosen_on_validation"]["test"]["correct"] == chosen);
  CHECK(summary["training"]["epochs"] == 3);
}

TEST_CASE("A checkpoint holds the network's state and says what it is") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny(folder, "run")).status == 0);
  const engine::SafetensorsFile file(folder / "run/checkpoints/01.safetensors");
  for (const char* name :
       {"layer1.0.weight", "layer1.1.running_var", "layer2.1.num_batches_tracked", "fc3.bias"})
    CHECK(file.find(name) != nullptr);
  CHECK(file.metadata().at("model") == "report_cnn");
  CHECK(file.metadata().at("class_names") == "[\"covid\",\"normal\"]");
  CHECK(file.metadata().at("epoch") == "1");
  CHECK(file.metadata().contains("mean"));
}

TEST_CASE("The default network learns the phantom set better than chance") {
  TemporaryFolder folder;
  make_phantoms(folder, 60, 30);
  const Result result =
      run(folder, {"train", "--data", (folder / "data").string(), "--out", (folder / "run").string(),
                   "--image-size", "64", "--epochs", "12", "--threads", "2", "--keep", "1", "--quiet"});
  REQUIRE(result.status == 0);
  const auto summary = nlohmann::json::parse(read_text(folder / "run/summary.json"));
  // 60 test images: 39 or more by chance in 1.4 % of runs.
  CHECK(summary["chosen_on_validation"]["test"]["correct"] >= 39);
  CHECK(summary["training"]["last_loss"] < summary["training"]["first_loss"]);
}

TEST_CASE("Batches that leave one image over are trained as well") {
  TemporaryFolder folder;
  make_phantoms(folder);
  Arguments arguments = tiny(folder, "run", {"--epochs", "1", "--log-level", "debug"});
  replace_value(arguments, "--val-fraction", "0");
  replace_value(arguments, "--batch-size", "11");
  const Result result = run(folder, arguments);
  CHECK(result.status == 0);
  CHECK_THAT(result.output, contains("epoch 0 step 1: "));
  CHECK_THAT(read_text(folder / "run/history.csv"), contains(",12,"));
}

TEST_CASE("Names with spaces and quotes and UTF-8 go through everything") {
  TemporaryFolder folder;
  for (const char* part : {"train", "test"})
    for (int i = 0; i < 4; ++i) {
      make_png(folder / "da ta/\"x\"" / part / "größe ü" / (std::to_string(i) + " 'a\".png"), i);
      make_png(folder / "da ta/\"x\"" / part / "a,b" / (std::to_string(i) + ".PNG"), i + 9);
    }
  Arguments arguments = tiny(folder, "r'u n\\");
  replace_value(arguments, "--data", (folder / "da ta/\"x\"").string());
  REQUIRE(run(folder, arguments).status == 0);
  CHECK_THAT(read_text(folder / "r'u n\\/eval.csv"), contains("\"correct a,b\",images größe ü"));
  REQUIRE(run(folder, {"train", "--config", (folder / "r'u n\\/config.toml").string(), "--out",
                       (folder / "2").string()})
              .status == 0);
  check_same_results(folder / "r'u n\\", folder / "2");
  const Result predicted = run(folder, {"predict", (folder / "2/checkpoints/00.safetensors").string(),
                                        (folder / "da ta/\"x\"/test").string(), "--csv"});
  CHECK(predicted.status == 0);
  CHECK_THAT(predicted.output, contains("p(größe ü)") && contains("'a\"\".png\""));
}

}  // namespace xr::apps::test
