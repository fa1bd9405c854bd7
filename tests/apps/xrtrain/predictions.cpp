// predictions.csv, metrics.json and what is told of them.
#include "apps/xrtrain/evaluation/predictions.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "apps/xrtrain/errors.h"
#include "apps/xrtrain/evaluation/evaluation_details.h"
#include "tests/apps/statistics/near.h"
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

using statistics::test::check_near;

namespace {

nlohmann::json json_of_file(const fs::path& path) {
  return nlohmann::json::parse(read_text(path));
}

nlohmann::json json_of_text(const std::string& text) {
  return nlohmann::json::parse(text);
}

Predictions two_splits() {
  const auto validation = std::make_shared<SplitImages>(SplitImages{{"v/1.png", "v/2.png"}, {0, 1}, {}, {}});
  const auto test =
      std::make_shared<SplitImages>(SplitImages{{"a,b.png", "c \"d\".png", "e\nf.png"}, {0, 1, 1}, {}, {}});
  return {{"co,vid", "normal"},
          {{0, "validation", validation, {0.6, 0.4, 0.3, 0.7}},
           {0, "test", test, {1.0 / 3.0, 2.0 / 3.0, 1e-300, 1.0, 0.75, 0.25}},
           {1, "validation", validation, {0.9, 0.1, 0.8, 0.2}},
           {1, "test", test, {0.5, 0.5, 0.25, 0.75, 0.1, 0.9}}}};
}

}  // namespace

TEST_CASE("Predictions go through their file bit for bit") {
  TemporaryFolder folder;
  const Predictions before = two_splits();
  write_text(folder / "p.csv", predictions_csv(before));
  const Predictions after = read_predictions(folder / "p.csv");
  CHECK(after.class_names == before.class_names);
  REQUIRE(after.splits.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(after.splits[i].epoch == before.splits[i].epoch);
    CHECK(after.splits[i].split == before.splits[i].split);
    CHECK(after.splits[i].images->paths == before.splits[i].images->paths);
    CHECK(after.splits[i].images->labels == before.splits[i].images->labels);
    CHECK(after.splits[i].probabilities == before.splits[i].probabilities);
  }
  CHECK(after.find(1, "test")->images == after.find(0, "test")->images);
  CHECK(after.find(2, "test") == nullptr);
  CHECK(after.find(1, "test")->table().classes == 2);
}

TEST_CASE("A damaged file of predictions is refused with its line") {
  TemporaryFolder folder;
  const fs::path path = folder / "p.csv";
  const auto refusal = [&](const std::string& text) {
    write_text(path, text);
    return error_of<DataError>([&] { (void)read_predictions(path); });
  };
  const std::string head = "checkpoint,split,image,label,p(a),p(b)\n";
  CHECK_THAT(refusal("file,class\nx,y\n"), contains("holds no predictions") && contains("p.csv"));
  CHECK_THAT(refusal(head + "00,test,x.png,a,0.5\n"), contains("record 2") && contains("5 fields"));
  CHECK_THAT(refusal(head + "00,test,x.png,c,0.5,0.5\n"), contains("c is not a class"));
  CHECK_THAT(refusal(head + "zz,test,x.png,a,0.5,0.5\n"), contains("checkpoint is zz"));
  CHECK_THAT(refusal(head + "00,test,x.png,a,0.5,half\n"), contains("a probability is half"));
  CHECK_THAT(refusal(head + "00,test,x.png,a,0.5,0.5\n01,test,x.png,a,1,0\n00,test,x.png,a,0.5,0.5\n"),
             contains("record 4") && contains("second time"));
  CHECK_THROWS_AS(read_predictions(folder / "absent.csv"), DataError);
}

TEST_CASE("The positive class is the first that is not called normal") {
  CHECK(positive_class({"covid", "normal"}, "") == 0);
  CHECK(positive_class({"covid", "normal"}, "normal") == 1);
  CHECK_THAT(error_of<UsageError>([] {
               (void)positive_class({"covid", "normal"}, "flu");
             }),
             contains("--positive is flu") && contains("covid, normal"));
}

TEST_CASE("Numbers that are not finite leave out a checkpoint's metrics") {
  Predictions predictions = two_splits();
  predictions.splits[3].probabilities[0] = std::numeric_limits<double>::quiet_NaN();
  const EvaluationDetails details =
      make_details(predictions, {.checkpoint = 1, .on = SelectedOn::validation, .last = 1}, {});
  CHECK(details.find(0, "test") != nullptr);
  CHECK(details.find(1, "test") == nullptr);
  CHECK(details.candidates == 1);
  CHECK(!details.selection.optimism);
  const auto json = nlohmann::json::parse(metrics_json(details));
  CHECK(json["checkpoints"][3]["metrics"].is_null());
}

TEST_CASE("A wanted sensitivity that the test images rule out is told") {
  // 20 of 20 positives of validation reach the threshold, 30 of 40 of test: 0.598 to 0.858.
  auto validation = std::make_shared<SplitImages>(), test = std::make_shared<SplitImages>();
  Predictions predictions{{"covid", "normal"}, {{0, "validation", validation, {}}, {0, "test", test, {}}}};
  const auto add = [](SplitPredictions& split, SplitImages& images, std::int64_t label, double covid) {
    images.paths.push_back(std::to_string(images.paths.size()));
    images.labels.push_back(label);
    split.probabilities.insert(split.probabilities.end(), {covid, 1.0 - covid});
  };
  for (int i = 0; i < 20; ++i) add(predictions.splits[0], *validation, 0, 0.8);
  for (int i = 0; i < 20; ++i) add(predictions.splits[0], *validation, 1, 0.2);
  for (int i = 0; i < 40; ++i) add(predictions.splits[1], *test, 0, i < 10 ? 0.3 : 0.7);
  for (int i = 0; i < 5; ++i) add(predictions.splits[1], *test, 1, 0.1);
  const Selection choice{.checkpoint = 0, .on = SelectedOn::validation, .last = 0};
  const EvaluationDetails details = make_details(predictions, choice, {});
  REQUIRE(details.thresholds.size() == 2);
  for (const OperatingPoint& point : details.thresholds) {
    check_near(point.threshold, 0.5);  // halfway between 0.8 and 0.2
    CHECK(*point.validation == statistics::BinaryCounts{20, 0, 20, 0});
    CHECK(*point.test == statistics::BinaryCounts{30, 0, 5, 10});
  }
  CHECK(!details.thresholds[0].misses_wanted());  // Youden's wants none
  CHECK(details.thresholds[1].misses_wanted() == true);
  const auto json = nlohmann::json::parse(metrics_json(details))["chosen"]["thresholds"];
  CHECK(json[0]["test_misses_wanted"].is_null());
  CHECK(json[1]["test_misses_wanted"] == true);
  TemporaryFolder folder;
  {
    Console console({.quiet = true});
    console.open_log(folder / "log.txt");
    print_details(details, console);
  }
  CHECK_THAT(
      read_text(folder / "log.txt"),
      contains("target sensitivity 0.95 on validation: 0.5000") &&
          contains("The validation figures of this checkpoint, and at these thresholds, are optimistic") &&
          contains("several images of one patient make them too narrow") &&
          contains("validation: sensitivity 1.000 (20/20, 95% CI 0.839-1.000)") &&
          contains("test: sensitivity 0.750 (30/40, 95% CI 0.598-0.858)") &&
          contains("threshold 0.5000 misses its target sensitivity 0.95: test sensitivity 0.750 (30/40"));
  // 0.85 lies within the interval.
  DetailSettings settings;
  settings.target_sensitivity = 0.85;
  CHECK(make_details(predictions, choice, settings).thresholds[1].misses_wanted() == false);
}

TEST_CASE("It is said of how many patients the test images are") {
  Predictions predictions = two_splits();
  const Selection choice{.checkpoint = 1, .on = SelectedOn::validation, .last = 1};
  const auto with_patients = [&](const std::vector<std::string>& patients) {
    SplitImages images = *predictions.splits[1].images;
    images.patients = patients;
    predictions.splits[1].images = predictions.splits[3].images = std::make_shared<SplitImages>(images);
    return make_details(predictions, choice, {});
  };
  const EvaluationDetails shared = with_patients({"p", "q", "p"}), apart = with_patients({"p", "q", "r"}),
                          unknown = with_patients({"p", "", "p"});
  CHECK_THAT(independence_text(shared, 3), contains("the 3 test images are of 2 patients"));
  CHECK_THAT(independence_text(apart, 3), contains("each is of another patient"));
  CHECK(!unknown.test_patients);
  CHECK(json_of_text(metrics_json(shared))["chosen"]["test_patients"] == 2);
  CHECK(json_of_text(metrics_json(unknown))["chosen"]["test_patients"].is_null());
  EvaluationDetails last = apart;
  last.selected.on = SelectedOn::last;
  CHECK(optimism_text(last).empty());
}

TEST_CASE("Groups of images and the suppression of small ones") {
  TemporaryFolder folder;
  auto images = std::make_shared<SplitImages>();
  SplitPredictions predictions{0, "test", images, {}};
  std::string csv = "file,site,patient,age,original_name\n";
  for (int i = 0; i < 60; ++i) {
    const int label = i % 2;
    images->paths.push_back("test/" + std::to_string(i) + ".png");
    images->labels.push_back(label);
    const double p = i % 3 == 0 ? 0.4 : 0.7;  // a third wrong
    predictions.probabilities.push_back(label == 0 ? p : 1 - p);
    predictions.probabilities.push_back(label == 0 ? 1 - p : p);
    const char* site = i < 24 ? "north" : i < 51 ? (label == 0 ? "south" : "") : "east";
    if (i != 59) csv += fmt::format("test/{}.png,{},p{},{},x\n", i, site, i, i);
  }
  write_text(folder / "sources.csv", csv);
  const auto source = read_subgroups("", folder / "sources.csv");
  REQUIRE(source);
  REQUIRE(source->columns.size() == 1);
  CHECK(source->left_out == std::vector<std::string>{"age: 59 values"});
  const auto tables = subgroup_tables(*source, predictions, 1);
  REQUIRE(tables.size() == 1);
  CHECK(tables[0].column == "site");
  std::map<std::string, Subgroup> groups;
  for (const Subgroup& group : tables[0].groups) groups[group.value] = group;
  CHECK(groups.size() == 5);
  CHECK(groups.at("north").images == 24);
  check_near(groups.at("north").accuracy.estimate.value, 2.0 / 3.0);
  CHECK(groups.at("north").sensitivity.images == 12);
  CHECK(groups.at("north").auroc.estimate.value);
  CHECK(groups.at("south").accuracy.estimate.value);  // one class only
  CHECK(!groups.at("south").sensitivity.estimate.value);
  CHECK(!groups.at("south").auroc.estimate.value);
  CHECK(groups.at("east").images == 8);
  CHECK(!groups.at("east").accuracy.estimate.value);
  CHECK(!groups.at("east").auroc.estimate.value);  // four of each class
  CHECK(groups.at("(not listed)").images == 1);
  CHECK(groups.at("(empty)").images == 13);
  // A file that is asked for must be usable.
  write_text(folder / "bad.csv", "a,b\n1,2\n");
  CHECK_THAT(error_of<DataError>([&] { (void)read_subgroups((folder / "bad.csv").string(), {}); }),
             contains("--subgroups") && contains("'file'"));
  CHECK_THROWS_AS(read_subgroups((folder / "absent.csv").string(), {}), DataError);
  fs::rename(folder / "bad.csv", folder / "sources.csv");
  CHECK(!read_subgroups("", folder / "sources.csv"));
}

TEST_CASE("A run writes predictions and metrics that agree with its other results") {
  TemporaryFolder folder;
  make_phantoms(folder, 12, 10);
  const Result result = run(folder, tiny(folder, "run", {"--schedule", "constant", "--verbose"}));
  REQUIRE(result.status == 0);
  for (const char* part :
       {"Positive class: covid (change: --positive", "  accuracy ", "  AUROC ", "DeLong", "Confusion matrix",
        "Youden's index", "target sensitivity 0.95", "  Temperature", "selection bias about "})
    CHECK_THAT(result.output, contains(part));
  const auto metrics = json_of_file(folder / "run/metrics.json"),
             summary = json_of_file(folder / "run/summary.json");
  CHECK(metrics["positive_class"] == "covid");
  REQUIRE(metrics["checkpoints"].size() == 6);
  CHECK(metrics["chosen"]["checkpoint"] == summary["chosen_on_validation"]["checkpoint"]);
  for (const auto& entry : metrics["checkpoints"]) {
    if (entry["checkpoint"] != metrics["chosen"]["checkpoint"] || entry["split"] != "test") continue;
    CHECK(entry["images"] == 20);
    CHECK(entry["metrics"]["accuracy"]["part"] == summary["chosen_on_validation"]["test"]["correct"]);
    const double nll = entry["metrics"]["nll"]["value"];
    check_near(nll, summary["chosen_on_validation"]["test"]["loss"].get<double>(), 1e-9);
  }
  CHECK(metrics["best_on_test_optimistic"]["candidates"] == 3);
  check_near(metrics["best_on_test_optimistic"]["apparent_accuracy"].get<double>(),
             summary["best_on_test_optimistic"]["test"]["accuracy"].get<double>());
  const Predictions predictions = read_predictions(folder / "run/predictions.csv");
  CHECK(predictions.class_names == std::vector<std::string>{"covid", "normal"});
  CHECK(predictions.splits.size() == 6);
  CHECK(fs::exists(folder / "data" / predictions.splits[1].images->paths.front()));

  // Another positive class mirrors the rates.
  const Result other = run(folder, {"eval", (folder / "run").string(), "--positive", "normal"});
  REQUIRE(other.status == 0);
  CHECK_THAT(other.output, contains("positive class: normal\n"));
  const auto mirrored = json_of_file(folder / "run/metrics.json");
  CHECK(mirrored["positive_class"] == "normal");
  CHECK(mirrored["checkpoints"][1]["metrics"]["sensitivity"] ==
        metrics["checkpoints"][1]["metrics"]["specificity"]);
  const Result unknown = run(folder, {"eval", (folder / "run").string(), "--positive", "flu"});
  CHECK(unknown.status == 2);
  CHECK_THAT(unknown.error_line(), contains("--positive is flu"));
}

TEST_CASE("A wrong positive class ends a run before its training") {
  TemporaryFolder folder;
  make_phantoms(folder);
  const Result result = run(folder, tiny(folder, "run", {"--positive", "flu"}));
  CHECK(result.status == 2);
  CHECK_THAT(result.error_line(), contains("--positive is flu"));
  CHECK_THAT(result.output, !contains("Epoch 0"));
}

TEST_CASE("Three classes work throughout") {
  TemporaryFolder folder;
  for (const char* part : {"train", "test"})
    for (int i = 0; i < 8; ++i)
      for (int c = 0; c < 3; ++c) {
        const int seed = 100 * c + i + (part[1] == 'e' ? 50 : 0);
        make_png(folder / "data" / part / std::string(1, static_cast<char>('a' + c)) /
                     (std::to_string(i) + ".png"),
                 static_cast<std::uint64_t>(seed));
      }
  const Result result = run(folder, tiny(folder, "run", {"--schedule", "constant", "--verbose"}));
  REQUIRE(result.status == 0);
  CHECK_THAT(result.output, contains("macro AUROC") && contains("One class against the rest") &&
                                contains("    b: sensitivity") && !contains("ositive class") &&
                                !contains("Youden") && contains("  Temperature") &&
                                contains("selection bias not estimated: it takes at least "));
  const auto metrics = json_of_file(folder / "run/metrics.json");
  CHECK(metrics["positive_class"].is_null());
  CHECK(metrics["best_on_test_optimistic"]["optimism"].is_null());
  for (const auto& entry : metrics["checkpoints"]) {
    CHECK(entry["confusion"].size() == 3);
    REQUIRE(entry["against_rest"].size() == 3);
    CHECK(entry["against_rest"][2]["class"] == "c");
    CHECK(entry["metrics"].contains("macro_f1"));
  }
  CHECK(run(folder, {"eval", (folder / "run").string()}).status == 0);
  CHECK(json_of_file(folder / "run/metrics.json") == metrics);
}

TEST_CASE("Test images of one class have undefined metrics") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny(folder, "run", {"--epochs", "1"})).status == 0);
  for (int i = 0; i < 5; ++i) make_png(folder / "other/covid" / (std::to_string(i) + ".png"), i);
  const Result result =
      run(folder, {"eval", (folder / "run").string(), "--data", (folder / "other").string(), "--verbose"});
  REQUIRE(result.status == 0);
  CHECK_THAT(result.output, contains("  AUROC                    -  -             DeLong") &&
                                contains("  specificity              -  -             0/0"));
}

}  // namespace xr::apps::test
