// `xrtrain cv`.
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "tests/apps/html/well_formed.h"
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

namespace {

Arguments tiny_cv(const TemporaryFolder& folder, const std::string& out, const Arguments& more = {}) {
  Arguments arguments = tiny(folder, out, more);
  arguments.front() = "cv";
  for (const char* word : {"--folds", "3", "--jobs", "2"}) arguments.emplace_back(word);
  return arguments;
}

void check_same(const fs::path& a, const fs::path& b) {
  for (const char* name : {"cv.html", "cv.csv", "cv.json", "predictions.csv"}) {
    CAPTURE(name);
    CHECK(read_text(a / name) == read_text(b / name));
  }
}

}  // namespace

TEST_CASE("cv tests every training image once in each repeat and leaves no checkpoints") {
  TemporaryFolder folder;
  make_phantoms(folder);
  const Result result = run(folder, tiny_cv(folder, "cv", {"--repeats", "2"}));
  CHECK(result.status == 0);
  CHECK_THAT(result.output, contains("12 images, 3 folds, 2 repeats") &&
                                contains("Repeat 2, fold 3 of 3: ") && contains("Repeat 1: ") &&
                                contains("Accuracy: ") && contains("AUROC (of covid): "));
  std::istringstream lines(read_text(folder / "cv/predictions.csv"));
  std::string line;
  std::getline(lines, line);
  CHECK(line == "repeat,fold,image,label,p(covid),p(normal)");
  std::set<std::string> images[2];
  while (std::getline(lines, line)) {
    const std::size_t second = line.find(',', 2), third = line.find(',', second + 1);
    CHECK(images[line[0] - '1'].insert(line.substr(second + 1, third - second - 1)).second);
  }
  CHECK(images[0].size() == 12);
  CHECK(images[1] == images[0]);
  CHECK(images[0].begin()->starts_with("train/"));  // those of test/ are left alone
  const nlohmann::json json = nlohmann::json::parse(read_text(folder / "cv/cv.json"));
  CHECK(json["repeats"].size() == 2);
  CHECK(json["repeats"][1]["pooled"]["images"] == 12);
  const std::string page = read_text(folder / "cv/cv.html");
  CHECK(html::markup_fault(page).empty());
  for (const char* part :
       {"report_cnn, 12 images, 3 folds, 2 repeats", "ROC of covid", "Accuracy of the folds, repeat 2",
        "fold = &quot;&quot;", "images of one patient are not"})
    CHECK_THAT(page, contains(part));
  for (const auto& entry : fs::recursive_directory_iterator(folder / "cv"))
    CHECK(entry.path().extension() != ".safetensors");
}

TEST_CASE("cv goes on after Ctrl-C and after a kill to the same results") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny_cv(folder, "whole", {"--quiet"})).status == 0);
  int number = 0;
  for (const int signal : {2, 9})
    for (const double seconds : {0.15, 0.4}) {
      const std::string out = "cut" + std::to_string(number++);
      RunSettings settings;
      settings.kill_after = seconds;
      settings.signal = signal;
      const Arguments arguments = tiny_cv(folder, out, {"--quiet"});
      const Result cut = run(folder, arguments, settings);
      if (cut.status == 1) CHECK_THAT(cut.error_line(), contains("--resume"));
      // The folder knows the rest, unless the kill came before it was made.
      Arguments again = {"cv", "--out", (folder / out).string(), "--resume", "--quiet"};
      if (!fs::exists(folder / out / "cv.toml")) {
        again = arguments;
        again.emplace_back("--resume");
      }
      Result resumed = run(folder, again);
      // The children of a killed process end by themselves, a little later.
      for (int i = 0; i < 50 && resumed.status != 0; ++i) resumed = run(folder, again);
      CHECK(resumed.status == 0);
      check_same(folder / "whole", folder / out);
    }
}

TEST_CASE("cv tells what the quick audit finds, and of images that take no part") {
  TemporaryFolder folder;
  REQUIRE(run(folder, {"synth", "--out", (folder / "data").string(), "--size", "64", "--train-covid", "80",
                       "--train-normal", "80", "--test-covid", "4", "--test-normal", "4", "--shortcut",
                       "border-brightness"})
              .status == 0);
  const Result result = run(folder, tiny_cv(folder, "cv", {"--folds", "2", "--epochs", "1"}));
  REQUIRE(result.status == 0);
  CHECK_THAT(result.output, contains("The 8 images of test/ are not used"));
  CHECK_THAT(result.error, contains("Shortcuts: "));
  const std::string page = read_text(folder / "cv/cv.html");
  CHECK(page.find("Findings about the data") < page.find("<h2>Result</h2>"));
}

TEST_CASE("cv refuses what it cannot do and leaves nothing behind") {
  TemporaryFolder folder;
  make_phantoms(folder);
  const auto refused = [&](const Arguments& arguments, int status) {
    const Result result = run(folder, arguments);
    CHECK(result.status == status);
    return result.error_line();
  };
  Arguments many = tiny_cv(folder, "cv");
  many.insert(many.end(), {"--folds", "7"});
  CHECK_THAT(refused(many, 3), contains("too few patients for 7 folds"));
  Arguments fold = tiny_cv(folder, "cv", {"--fold", "1/3"});
  CHECK_THAT(refused(fold, 2), contains("--fold is for xrtrain train"));
  Arguments nowhere = tiny_cv(folder, "cv");
  replace_value(nowhere, "--data", (folder / "nowhere").string());
  CHECK_THAT(refused(nowhere, 3), contains("nowhere"));
  CHECK_FALSE(fs::exists(folder / "cv"));

  // What goes wrong in a fold's process is told by the fold.
  const Result diverged = run(folder, tiny_cv(folder, "cv", {"--lr", "1e30", "--optimizer", "sgd"}));
  CHECK(diverged.status == 1);
  CHECK_THAT(diverged.error_line(), contains("fold") && contains("training has diverged"));
  CHECK_THAT(refused(tiny_cv(folder, "cv"), 2), contains("--resume"));
  const Arguments resume = {"cv", "--out", (folder / "cv").string(), "--resume"};
  const auto resumed_with = [&](const Arguments& more) {
    Arguments arguments = resume;
    arguments.insert(arguments.end(), more.begin(), more.end());
    return refused(arguments, 2);
  };
  CHECK_THAT(resumed_with({"--lr", "0.5"}), contains("cannot change --lr (run: 1e+30, now: 0.5)"));
  CHECK_THAT(resumed_with({"--folds", "4"}), contains("cannot change --folds (run: 3, now: 4)"));
  write_text(folder / "odd/cv.toml", "lr = 1\n");
  CHECK_THAT(refused({"cv", "--out", (folder / "odd").string(), "--resume"}, 3),
             contains("cv.toml was not written"));
  CHECK(run(folder, tiny_cv(folder, "cv", {"--force", "--quiet"})).status == 0);
}

}  // namespace xr::apps::test
