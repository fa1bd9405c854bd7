// RUN/report.html.
#include <nlohmann/json.hpp>

#include "apps/xrtrain/report/html_report.h"
#include "tests/apps/html/well_formed.h"
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

TEST_CASE("train and eval write the same report", "[html]") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny(folder, "run")).status == 0);
  const fs::path report = folder / "run/report.html";
  const std::string page = read_text(report);
  CHECK(html::markup_fault(page).empty());
  for (const char* part : {"<h2>Result</h2>", "<h2>Curves</h2>", "<h2>ROC and calibration</h2>",
                           "<h2>How to repeat it</h2>", "Model card", "CLAIM checklist", "AUROC", "<h1>"})
    CHECK(page.find(part) != std::string::npos);
  CHECK(page.find(">nan") == std::string::npos);
  CHECK(page.find("The training figures are taken with augmented images, dropout and weights") !=
        std::string::npos);
  CHECK(page.find("make them too narrow") != std::string::npos);
  fs::remove(report);
  REQUIRE(run(folder, {"eval", (folder / "run").string(), "--threads", "2"}).status == 0);
  CHECK(read_text(report) == page);
}

TEST_CASE("the report has the verdicts of the quick audit before the training", "[html]") {
  TemporaryFolder folder;
  REQUIRE(run(folder, {"synth", "--out", (folder / "data").string(), "--size", "64", "--train-covid", "80",
                       "--train-normal", "80", "--test-covid", "30", "--test-normal", "30", "--shortcut",
                       "border-brightness"})
              .status == 0);
  const Result trained = run(folder, tiny(folder, "run", {"--epochs", "1"}));
  REQUIRE(trained.status == 0);
  CHECK_THAT(trained.error, contains("Shortcuts: "));
  const auto findings = nlohmann::json::parse(read_text(folder / "run/findings.json"));
  CHECK(findings["shortcuts"]["verdict"] == "serious");
  CHECK_FALSE(findings.contains("balance"));
  const std::string page = read_text(folder / "run/report.html");
  CHECK(page.find("Findings about the data") < page.find("<h2>Result</h2>"));
  CHECK(page.find("serious") < page.find("<h2>Result</h2>"));
}

TEST_CASE("the report puts serious findings of the audit first", "[html]") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny(folder, "run")).status == 0);
  const nlohmann::json audit{
      {"verdict", "serious"},
      {"balance",
       {{"id", "unbalanced-classes"}, {"verdict", "warning"}, {"title", "Balance"}, {"text", "<b>few</b>"}}},
      {"sizes", {{"verdict", "ok"}, {"title", "Sizes"}, {"text", "all alike"}}},
      {"shortcuts",
       {{"verdict", "serious"}, {"title", "Shortcuts"}, {"text", "the border tells the class"}}}};
  write_text(folder / "run/audit.json", audit.dump());
  REQUIRE(run(folder, {"eval", (folder / "run").string(), "--threads", "2"}).status == 0);
  const std::string page = read_text(folder / "run/report.html");
  CHECK(html::markup_fault(page).empty());
  const std::size_t serious = page.find("the border tells the class"), warning = page.find("&lt;b&gt;few"),
                    result = page.find("<h2>Result</h2>");
  CHECK(page.find("data-id=\"unbalanced-classes\"") != std::string::npos);
  CHECK(serious < warning);
  CHECK(warning < result);
  CHECK(result != std::string::npos);
  CHECK(page.find("all alike") == std::string::npos);
  const auto page_with = [&](const std::string& text) {
    write_text(folder / "run/audit.json", text);
    CHECK(run(folder, {"eval", (folder / "run").string(), "--threads", "2"}).status == 0);
    return read_text(folder / "run/report.html");
  };
  CHECK(page_with("{ no json").find("audit.json is damaged") != std::string::npos);
  nlohmann::json others = audit;
  others["data"] = (folder / "elsewhere").string();
  const std::string of_others = page_with(others.dump());
  CHECK(of_others.find("Audit of other images") != std::string::npos);
  CHECK(of_others.find("the border tells the class") == std::string::npos);
  others["data"] = (folder / "data/../data").string();
  CHECK(page_with(others.dump()).find("the border tells the class") != std::string::npos);
}

TEST_CASE("the report says what was trained on what and how to repeat it", "[html]") {
  TemporaryFolder folder;
  make_phantoms(folder);
  write_text(folder / "data/train/covid/broken.png", "no image");
  const Result trained = run(folder, tiny(folder, "run"));
  REQUIRE(trained.status == 0);
  CHECK_THAT(trained.output,
             contains("xrtrain audit " + (folder / "data").string() + " --image-size 16 --out " +
                      (folder / "run").string() + ", then xrtrain eval"));
  const fs::path report = folder / "run/report.html", provenance = folder / "run/provenance.json";
  const auto facts = nlohmann::json::parse(read_text(provenance));
  CHECK(facts["machine"]["threads"] == 2);
  CHECK(facts["data"]["splits"].size() == 3);
  std::int64_t unreadable = 0, covid = 0;
  for (const auto& split : facts["data"]["splits"]) {
    unreadable += split["unreadable"].get<std::int64_t>();
    covid += split["images"][0].get<std::int64_t>();
  }
  CHECK(unreadable == 1);
  CHECK(covid == 8);
  const std::string page = read_text(report);
  CHECK(page.find(facts["machine"]["device_description"].get<std::string>()) != std::string::npos);
  for (const char* part :
       {"<h2>Images</h2>", "the folder test/", "25% of each class&#39;s other images",
        "No patients are known", "xrtrain train --config config.toml --threads 2 --out ANOTHER_FOLDER",
        "nlohmann-json 3.", "<dt>Processor</dt>", "1 unreadable image file skipped", "edition of 2020",
        "<dt>20: how images were assigned to partitions</dt>", "<dt>19: sample size</dt>",
        "<dt>27: ensembling</dt><dd>none</dd>", "<dt>Decision thresholds</dt>", "<dt>Date</dt><dd>open",
        "<dt>30: robustness or sensitivity analysis</dt><dd>the quick audit of the images; open"}) {
    INFO(part);
    CHECK(page.find(part) != std::string::npos);
  }
  for (const std::string& text : {std::string("{}"), std::string("no json"), std::string()}) {
    if (text.empty())
      fs::remove(provenance);
    else
      write_text(provenance, text);
    REQUIRE(run(folder, {"eval", (folder / "run").string(), "--threads", "2"}).status == 0);
    const std::string without = read_text(report);
    CHECK(html::markup_fault(without).empty());
    CHECK(without.find("has no provenance.json") != std::string::npos);
    CHECK(without.find("xrtrain train --config config.toml --out ANOTHER_FOLDER") != std::string::npos);
  }
}

TEST_CASE("the page of a control says in its title that it is one", "[html]") {
  TemporaryFolder folder;
  make_phantoms(folder);
  const Result trained = run(folder, tiny(folder, "run", {"--mask", "middle", "--epochs", "1"}));
  REQUIRE(trained.status == 0);
  CHECK(trained.output.find("To have the full audit") == std::string::npos);
  const std::string page = read_text(folder / "run/report.html");
  CHECK(page.find("<h1>report_cnn on covid, normal, the middle of the images black</h1>") !=
        std::string::npos);
}

TEST_CASE("the curves tell of augmented images only where there are some", "[html]") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny(folder, "run", {"--epochs", "1", "--augment", "none"})).status == 0);
  const std::string page = read_text(folder / "run/report.html");
  CHECK(page.find("The training figures are taken with dropout and weights") != std::string::npos);
  CHECK(page.find("augmented images, dropout") == std::string::npos);
}

TEST_CASE("control trainings of the audit stand beside the result", "[html]") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny(folder, "run", {"--epochs", "1"})).status == 0);
  const auto outcome = [](int right) { return nlohmann::json{{"right", right}, {"images", 4}}; };
  const nlohmann::json control{
      {"verdict", "serious"}, {"title", "Control trainings"}, {"text", "it needs no X"},
      {"whole", outcome(4)},  {"middle_black", outcome(3)},   {"border_black", {{"right", "four"}}},
      {"guessing", 0.5}};
  write_text(folder / "run/audit.json", nlohmann::json{{"control", control}}.dump());
  REQUIRE(run(folder, {"eval", (folder / "run").string(), "--threads", "2"}).status == 0);
  const std::string page = read_text(folder / "run/report.html");
  CHECK(html::markup_fault(page).empty());
  const std::size_t result = page.find("<h2>Result</h2>"),
                    black = page.find("control: the middle black</th>"),
                    images = page.find("<h2>Images</h2>");
  CHECK(result < black);
  CHECK(black < images);
  CHECK(images != std::string::npos);
  CHECK(page.find("3 of 4</td>", black) < images);
  CHECK(page.find("all but the middle black</th>") == std::string::npos);
  CHECK(page.find("serious finding about the data: Control trainings: it needs no X") != std::string::npos);
  CHECK(page.find("control trainings without parts of the images, beside the result") != std::string::npos);
  for (const char* text : {"{\"control\":{\"whole\":7,\"guessing\":\"x\"}}", "{\"control\":[]}"}) {
    write_text(folder / "run/audit.json", text);
    CHECK(run(folder, {"eval", (folder / "run").string(), "--threads", "2"}).status == 0);
  }
}

namespace {

/// Of images whose class `labels` gives and whose probabilities rank the classes as `predictions` says.
EvaluationDetails details_of(const std::vector<std::string>& names, const std::vector<std::int64_t>& labels,
                             const std::vector<std::int64_t>& predictions) {
  EvaluationDetails details;
  details.class_names = names;
  std::vector<double> probabilities;
  for (const std::int64_t predicted : predictions)
    for (std::size_t c = 0; c < names.size(); ++c)
      probabilities.push_back(static_cast<std::int64_t>(c) == predicted ? 0.8
                                                                        : 0.2 / double(names.size() - 1));
  details.checkpoints.push_back(
      {0, "test", statistics::make_metric_table({names.size(), probabilities, labels}, 0, {100, 0})});
  return details;
}

}  // namespace

TEST_CASE("several classes have a table of each against the rest", "[html]") {
  const EvaluationDetails details = details_of({"a", "b", "c"}, {0, 0, 1, 1, 2, 2}, {0, 0, 1, 0, 1, 1});
  const std::string tables = report_metrics(details, *details.find(0, "test"), "test").str();
  CHECK(html::markup_fault(tables).empty());
  CHECK(tables.find("class against the rest") != std::string::npos);
  CHECK(tables.find(">c</th>") != std::string::npos);
  CHECK(tables.find("<small>1 of 2</small>") != std::string::npos);  // sensitivity of b
  CHECK(tables.find("a class that is never predicted") != std::string::npos);
  CHECK(tables.find("An AUROC of 1") == std::string::npos);
}

TEST_CASE("an area of 1 without an interval is explained", "[html]") {
  const EvaluationDetails details = details_of({"a", "b"}, {0, 0, 1, 1}, {0, 0, 1, 1});
  const std::string tables = report_metrics(details, *details.find(0, "test"), "test").str();
  CHECK(tables.find("none, see below") != std::string::npos);
  CHECK_THAT(statistics::why_no_interval(*details.find(0, "test")->find("auroc")), contains("variance is 0"));
  CHECK(statistics::why_no_interval(*details.find(0, "test")->find("accuracy")).empty());
  CHECK(tables.find("An AUROC of 1 has no interval") != std::string::npos);
  CHECK(tables.find("against the rest") == std::string::npos);
}

TEST_CASE("groups of three classes have no columns of two", "[html]") {
  EvaluationDetails details;
  details.subgroups = {{"view", {{"AP", 24, {24, statistics::proportion(20, 24)}, {}, {}, {}}}}};
  details.class_names = {"a", "b", "c"};
  const std::string three = report_subgroups(details).str();
  CHECK(three.find("0.833") != std::string::npos);
  CHECK(three.find("sensitivity") == std::string::npos);
  CHECK(three.find(">-<") == std::string::npos);
  details.class_names = {"a", "b"};
  CHECK(report_subgroups(details).str().find("sensitivity") != std::string::npos);
}

TEST_CASE("thresholds show how they do on validation and a missed wish", "[html]") {
  EvaluationDetails details;
  details.class_names = {"covid", "normal"};
  const statistics::BinaryCounts validation{22, 3, 14, 1}, test{20, 2, 38, 26};
  details.thresholds = {{"sensitivity", 0.95, 0.3, validation, test}};
  const std::string missed = report_thresholds(details).str();
  CHECK(html::markup_fault(missed).empty());
  CHECK(missed.find("<small>22 of 23</small>") != std::string::npos);
  CHECK(missed.find("<small>20 of 46</small>") != std::string::npos);
  CHECK(missed.find("The wanted sensitivity of 0.950 is missed") != std::string::npos);
  CHECK(missed.find("is reached on the validation images; on others it comes out as it may") !=
        std::string::npos);
  details.temperature = TemperatureScaling{1.5, {0.1, 0.2, 0.51}, {0.1, 0.05, 0.42}};
  CHECK(report_thresholds(details).str().find("log loss 0.510 before, 0.420 after") != std::string::npos);
  details.thresholds[0].test = statistics::BinaryCounts{43, 2, 38, 3};  // 0.935, within the interval
  CHECK(report_thresholds(details).str().find("missed") == std::string::npos);
  details.thresholds[0].test.reset();
  CHECK(html::markup_fault(report_thresholds(details).str()).empty());
}

}  // namespace xr::apps::test
