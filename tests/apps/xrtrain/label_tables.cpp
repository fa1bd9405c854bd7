// Labels from tables, from the command line.
#include <fmt/core.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "apps/xrtrain/evaluation/predictions.h"
#include "tests/apps/html/well_formed.h"
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

namespace {

/// 24 images without class folders, their table, and the lists of two splits.
void make_labelled(const TemporaryFolder& folder) {
  std::string table = "Path;Pneumonia;Edema\r\n", train, test;
  for (int i = 0; i < 24; ++i) {
    make_png(folder / "data/images" / (std::to_string(i) + ".png"), static_cast<std::uint64_t>(i) + 1, 32);
    table += std::to_string(i) + (i % 2 ? ";1;" : ";0;") + (i == 5 ? "-1" : "1") + "\r\n";
    (i < 18 ? train : test) += std::to_string(i) + ".png\n";
  }
  write_text(folder / "labels.csv", table);
  write_text(folder / "train_list.txt", train);
  write_text(folder / "test_list.txt", test);
}

nlohmann::json json_of(const fs::path& path) {
  return nlohmann::json::parse(read_text(path));
}

/// NIH ChestX-ray14 in small: two images of each of 24 patients in two folders, its table and lists of splits.
/// Patient p has Mass where p is even, Edema where it is a multiple of 3, and no finding otherwise.
void make_nih(const TemporaryFolder& folder) {
  std::string table = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age\n", train, test;
  for (int p = 1; p <= 24; ++p)
    for (int i = 0; i < 2; ++i) {
      const std::string name = fmt::format("{:08}_{:03}.png", p, i);
      make_png(folder / "nih" / fmt::format("images_{:03}/images", p % 2 + 1) / name,
               static_cast<std::uint64_t>(2 * p) + static_cast<std::uint64_t>(i));
      const char* labels = p % 6 == 0   ? "Edema|Mass"
                           : p % 2 == 0 ? "Mass"
                           : p % 3 == 0 ? "Edema"
                                        : "No Finding";
      table += fmt::format("{},{},{},{},60\n", name, labels, i, p);
      (p <= 16 ? train : test) += name + "\n";
    }
  write_text(folder / "nih/Data_Entry_2017.csv", table);
  write_text(folder / "train_val_list.txt", train);
  write_text(folder / "test_list.txt", test);
}

/// CheXpert in small: train and valid with a study of each patient; Edema of patient p is -1 where p is a multiple of 4,
/// nothing where it is one more, else 1 or 0.
void make_chexpert(const TemporaryFolder& folder) {
  std::string table =
      "Path,Sex,Age,No Finding,Cardiomegaly,Edema,Consolidation,Atelectasis,Pleural Effusion\n";
  for (int p = 1; p <= 32; ++p) {
    const std::string path =
        fmt::format("{}/patient{:05}/study1/view1_frontal.png", p <= 24 ? "train" : "valid", p);
    make_png(folder / "chexpert" / path, static_cast<std::uint64_t>(p));
    const char* edema = p % 4 == 0 ? "-1.0" : p % 4 == 1 ? "" : p % 4 == 2 ? "1.0" : "0.0";
    table += fmt::format("CheXpert-v1.0-small/{},Male,50,{},{},{},{},{},1.0\n", path, p % 2 ? "1.0" : "",
                         p % 3 ? "0.0" : "1.0", edema, p % 5 ? "" : "1.0", p % 2 ? "" : "1.0");
  }
  write_text(folder / "chexpert.csv", table);
}

Arguments label_arguments(const TemporaryFolder& folder, const std::string& command, const std::string& data,
                          const std::string& out, const Arguments& more) {
  Arguments arguments = tiny(folder, out, {"--epochs", "1"});
  arguments.front() = command;
  replace_value(arguments, "--data", (folder / data).string());
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

/// The targets of an image, "1,0,": nothing where unknown.
std::string targets_of(const Predictions& predictions, const std::string& split, const std::string& image) {
  for (const SplitPredictions& one : predictions.splits)
    for (std::size_t i = 0; one.split == split && i < one.images->paths.size(); ++i) {
      if (one.images->paths[i] != image) continue;
      std::string text;
      for (std::size_t l = 0; l < predictions.class_names.size(); ++l)
        text +=
            (l == 0 ? "" : ",") + target_text(one.images->targets[i * predictions.class_names.size() + l]);
      return text;
    }
  return "no such image";
}

}  // namespace

TEST_CASE("Labels with | between, as NIH's table has them, from training to prediction") {
  TemporaryFolder folder;
  make_nih(folder);
  const std::string table = (folder / "nih/Data_Entry_2017.csv").string();
  const std::string lists =
      (folder / "train_val_list.txt").string() + "," + (folder / "test_list.txt").string();
  const Result trained = run(folder, label_arguments(folder, "train", "nih", "run",
                                                     {"--labels", table, "--split-list", lists, "--json"}));
  INFO(trained.error);
  REQUIRE(trained.status == 0);
  CHECK_THAT(trained.output, contains(R"("classes":["Edema","Mass"])") && contains(R"("test":16)"));

  const std::string before = read_text(folder / "run/predictions.csv");
  CHECK(before.starts_with("checkpoint,split,image,label(Edema),label(Mass),p(Edema),p(Mass)\n"));
  const Predictions predictions = read_predictions(folder / "run/predictions.csv");
  CHECK(targets_of(predictions, "test", "images_001/images/00000018_001.png") == "1,1");
  CHECK(targets_of(predictions, "test", "images_002/images/00000019_000.png") == "0,0");
  CHECK(targets_of(predictions, "test", "images_001/images/00000020_000.png") == "0,1");
  CHECK(targets_of(predictions, "test", "images_001/images/00000002_000.png") == "no such image");
  const nlohmann::json metrics = json_of(folder / "run/metrics.json");
  CHECK(metrics["labels"] == nlohmann::json{"Edema", "Mass"});
  CHECK(metrics["chosen"]["test_patients"] == 8);
  CHECK(metrics["checkpoints"].back()["labels"][1]["counts"]["true_positive"].get<int>() +
            metrics["checkpoints"].back()["labels"][1]["counts"]["false_negative"].get<int>() ==
        8);
  const std::string report = read_text(folder / "run/report.html");
  CHECK(html::markup_fault(report).empty());
  CHECK_THAT(report, contains("Edema") && contains("Mass"));

  REQUIRE(run(folder, {"eval", (folder / "run").string(), "--threads", "2"}).status == 0);
  CHECK(read_text(folder / "run/predictions.csv") == before);
  const Result other = run(folder, {"eval", (folder / "run").string(), "--data", (folder / "nih").string(),
                                    "--labels", table, "--out", (folder / "other").string()});
  CHECK(other.status == 0);
  CHECK(json_of(folder / "other/summary.json")["last"]["test"]["known"] == 2 * 48);

  const Result json = run(folder, {"predict", (folder / "run").string(),
                                   (folder / "nih/images_001/images/00000018_001.png").string(), "--json"});
  REQUIRE(json.status == 0);
  const auto row = nlohmann::json::parse(json.output);
  CHECK(row["probabilities"].size() == 2);
  CHECK(row["probabilities"].contains("Edema"));
  for (const auto& label : row["labels"]) CHECK((label == "Edema" || label == "Mass"));

  const Result validated = run(
      folder, label_arguments(folder, "cv", "nih", "cv", {"--labels", table, "--folds", "2", "--jobs", "1"}));
  INFO(validated.error);
  REQUIRE(validated.status == 0);
  const nlohmann::json cv = json_of(folder / "cv/cv.json");
  REQUIRE(cv["repeats"][0]["pooled"]["labels"].size() == 2);
  CHECK(cv["repeats"][0]["pooled"]["labels"][0]["label"] == "Edema");
  CHECK(read_text(folder / "cv/predictions.csv")
            .starts_with("repeat,fold,image,label(Edema),label(Mass),p(Edema),p(Mass)\n"));
}

TEST_CASE("Columns of labels with -1 and nothing, as CheXpert's, from training to prediction") {
  TemporaryFolder folder;
  make_chexpert(folder);
  const std::string table = (folder / "chexpert.csv").string();
  const std::vector<std::string> names = {"No Finding",    "Cardiomegaly", "Edema",
                                          "Consolidation", "Atelectasis",  "Pleural Effusion"};
  const std::pair<const char*, const char*> cases[] = {{"ignore", "0,0,,0,1,1"}, {"one", "0,0,1,0,1,1"}};
  for (const auto& [uncertain, targets] : cases) {
    CAPTURE(uncertain);
    const Result trained =
        run(folder, label_arguments(folder, "train", "chexpert", uncertain,
                                    {"--labels", table, "--uncertain", uncertain, "--json"}));
    INFO(trained.error);
    REQUIRE(trained.status == 0);
    CHECK_THAT(trained.output, contains(R"("id":"labels-uncertain")") && contains(R"("validation":8)"));
    // No image is without an effusion: it can be neither learned nor measured.
    CHECK_THAT(trained.output, contains(R"("id":"label-not-learnable")"));
    const Predictions predictions = read_predictions(folder / uncertain / "predictions.csv");
    CHECK(predictions.class_names == names);
    CHECK(targets_of(predictions, "validation", "valid/patient00028/study1/view1_frontal.png") == targets);
    CHECK(targets_of(predictions, "validation", "valid/patient00029/study1/view1_frontal.png") ==
          "1,0,0,0,0,1");
    CHECK(html::markup_fault(read_text(folder / uncertain / "report.html")).empty());
    const nlohmann::json metrics = json_of(folder / uncertain / "metrics.json");
    for (const nlohmann::json& one : metrics["checkpoints"]) {
      CHECK(one["labels"][5]["metrics"]["auroc"]["value"].is_null());
      CHECK(one["metrics"]["mean_auroc"]["value"].is_number());
    }
  }
  const std::string before = read_text(folder / "ignore/predictions.csv");
  REQUIRE(run(folder, {"eval", (folder / "ignore").string(), "--threads", "2"}).status == 0);
  CHECK(read_text(folder / "ignore/predictions.csv") == before);
  const Result row = run(folder, {"predict", (folder / "ignore").string(),
                                  (folder / "chexpert/valid").string(), "--csv", "--threads", "2"});
  CHECK(row.status == 0);
  CHECK(row.output.starts_with(
      "file,labels,p(No Finding),p(Cardiomegaly),p(Edema),p(Consolidation),p(Atelectasis),p(Pleural Effusion)\n"));
  const Result validated = run(folder, label_arguments(folder, "cv", "chexpert", "cv",
                                                       {"--labels", table, "--folds", "2", "--jobs", "1"}));
  INFO(validated.error);
  REQUIRE(validated.status == 0);
  CHECK(json_of(folder / "cv/cv.json")["repeats"][0]["pooled"]["labels"].size() == 6);
}

TEST_CASE("A table of labels takes the place of class folders in every command") {
  TemporaryFolder folder;
  make_labelled(folder);
  const std::string table = (folder / "labels.csv").string(), data = (folder / "data").string();
  const Result without = run(folder, tiny(folder, "run"));
  CHECK(without.status == 3);
  CHECK_THAT(without.error_line(), contains("--labels"));
  const std::string lists = (folder / "train_list.txt").string() + "," + (folder / "test_list.txt").string();
  const Arguments labels = {"--labels", table, "--label-column", "Pneumonia"};
  Arguments training = {"--epochs", "1", "--json", "--split-list", lists};
  training.insert(training.end(), labels.begin(), labels.end());
  const Result trained = run(folder, tiny(folder, "run", training));
  REQUIRE(trained.status == 0);
  CHECK_THAT(trained.output, contains(R"("id":"labels-read")") && contains(R"("classes":["0","1"])") &&
                                 contains(R"("test":6)") && !contains("positive-class-guessed"));
  CHECK_THAT(read_text(folder / "run/predictions.csv"), contains(",test,images/23.png,1,"));
  // The audit that is suggested reads the same images and labels.
  CHECK_THAT(read_text(folder / "run/log.txt"), contains("xrtrain audit " + data + " --labels " + table +
                                                         " --label-column Pneumonia --split-list " + lists));
  CHECK(run(folder, {"eval", (folder / "run").string()}).status == 0);

  Arguments eval = {"eval", (folder / "run").string(), "--data", data, "--json"};
  eval.insert(eval.end(), labels.begin(), labels.end());
  CHECK_THAT(run(folder, eval).output, contains(R"("images":24)"));
  Arguments audit = {"audit", data, "--json"};
  audit.insert(audit.end(), labels.begin(), labels.end());
  CHECK_THAT(run(folder, audit).output, contains(R"("classes":["0","1"])"));
}

TEST_CASE("Tables of labels that cannot be used end in one line with the option to use") {
  TemporaryFolder folder;
  make_labelled(folder);
  const auto refused = [&](const Arguments& arguments, int status) {
    const Result result = run(folder, tiny(folder, "run", arguments));
    CHECK(result.status == status);
    return result.error_line();
  };
  const std::string table = (folder / "labels.csv").string();
  CHECK_THAT(refused({"--labels", table}, 3), contains("--label-column") && contains("'Edema'"));
  CHECK_THAT(refused({"--labels", table, "--label-column", "Mass"}, 3), contains("'Mass'"));
  CHECK_THAT(refused({"--labels", (folder / "no.csv").string()}, 3), contains("no.csv"));
  CHECK_THAT(refused({"--split-list", "a.txt"}, 2), contains("--labels"));
  CHECK_THAT(refused({"--labels", table, "--uncertain", "maybe"}, 2), contains("--uncertain"));
}

TEST_CASE("A table of groups that names none of the images is an error") {
  TemporaryFolder folder;
  make_phantoms(folder);
  write_text(folder / "other.csv", "file,patient,site\nx/1.png,p,a\n");
  for (const char* option : {"--groups", "--subgroups"}) {
    const Result result = run(folder, tiny(folder, "run", {option, (folder / "other.csv").string()}));
    CHECK(result.status == 3);
    CHECK_THAT(result.error_line(), contains("none of"));
  }
}

}  // namespace xr::apps::test
