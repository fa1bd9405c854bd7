// RUN/report.html.
#include <nlohmann/json.hpp>

#include "tests/apps/html/well_formed.h"
#include "tests/apps/support.h"

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
  fs::remove(report);
  REQUIRE(run(folder, {"eval", (folder / "run").string(), "--threads", "2"}).status == 0);
  CHECK(read_text(report) == page);
}

TEST_CASE("the report has the verdicts of the quick audit before the training", "[html]") {
  TemporaryFolder folder;
  REQUIRE(run(folder, {"synth", "--out", (folder / "data").string(), "--size", "64", "--train-covid", "40",
                       "--train-normal", "40", "--test-covid", "30", "--test-normal", "30", "--shortcut",
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
      {"balance", {{"verdict", "warning"}, {"title", "Balance"}, {"text", "<b>few</b>"}}},
      {"sizes", {{"verdict", "ok"}, {"title", "Sizes"}, {"text", "all alike"}}},
      {"shortcuts",
       {{"verdict", "serious"}, {"title", "Shortcuts"}, {"text", "the border tells the class"}}}};
  write_text(folder / "run/audit.json", audit.dump());
  REQUIRE(run(folder, {"eval", (folder / "run").string(), "--threads", "2"}).status == 0);
  const std::string page = read_text(folder / "run/report.html");
  CHECK(html::markup_fault(page).empty());
  const std::size_t serious = page.find("the border tells the class"), warning = page.find("&lt;b&gt;few"),
                    result = page.find("<h2>Result</h2>");
  CHECK(serious < warning);
  CHECK(warning < result);
  CHECK(result != std::string::npos);
  CHECK(page.find("all alike") == std::string::npos);
  write_text(folder / "run/audit.json", "{ no json");
  CHECK(run(folder, {"eval", (folder / "run").string(), "--threads", "2"}).status == 0);
}

}  // namespace xr::apps::test
