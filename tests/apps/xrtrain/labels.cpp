// Images with several labels, end to end: training, evaluation, prediction, cross-validation, audit.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "apps/xrtrain/evaluation/predictions.h"
#include "apps/xrtrain/evaluation/selection.h"
#include "apps/xrtrain/run/history.h"
#include "engine/io/safetensors.h"
#include "kernels/common/random.h"
#include "tests/apps/html/well_formed.h"
#include "tests/apps/xrtrain/support.h"
#include "tests/engine/io/zip_writer.h"

namespace xr::apps::test {

namespace {

constexpr int label_side = 16, label_count = 3;

/// One split of `count` images whose label l is a bright square at place l, of which three are in the image.
void add_images(std::vector<engine::test::ArchiveMember>& members, const std::string& split, int count,
                std::uint64_t seed, int label_number = label_count) {
  Philox random(seed, 7);
  std::string images, labels;
  for (int i = 0; i < count; ++i) {
    std::string image;
    for (int p = 0; p < label_side * label_side; ++p) image += static_cast<char>(60 + random.below(40));
    for (int l = 0; l < label_number; ++l) {
      const bool has = random.below(2) == 1;
      labels += static_cast<char>(has);
      for (int y = 2; has && l < label_count && y < 6; ++y)
        for (int x = 1 + 5 * l; x < 5 + 5 * l; ++x)
          image[static_cast<std::size_t>(y) * label_side + static_cast<std::size_t>(x)] = 127;
    }
    images += image;
  }
  members.push_back(
      {split + "_images.npy",
       engine::test::npy("|u1", fmt::format("({}, {}, {})", count, label_side, label_side), images)});
  members.push_back({split + "_labels.npy",
                     engine::test::npy("|u1", fmt::format("({}, {})", count, label_number), labels)});
}

fs::path make_labels(const TemporaryFolder& folder) {
  std::vector<engine::test::ArchiveMember> members;
  add_images(members, "train", 64, 1);
  add_images(members, "val", 32, 2);
  add_images(members, "test", 40, 3);
  write_text(folder / "labels.npz", engine::test::zip(members));
  return folder / "labels.npz";
}

Arguments label_training(const TemporaryFolder& folder, const std::string& out, const Arguments& more = {}) {
  Arguments arguments = tiny(folder, out, more);
  replace_value(arguments, "--data", (folder / "labels.npz").string());
  return arguments;
}

nlohmann::json parsed(const fs::path& path) {
  return nlohmann::json::parse(read_text(path));
}

}  // namespace

TEST_CASE("a network of several labels is trained, evaluated and used") {
  TemporaryFolder folder;
  const fs::path data = make_labels(folder);
  const Result trained = run(folder, label_training(folder, "run"));
  INFO(trained.error);
  REQUIRE(trained.status == 0);
  CHECK_THAT(trained.output, contains("mean AUROC") && contains("train: 64 images, "));

  const nlohmann::json metrics = parsed(folder / "run/metrics.json");
  CHECK(metrics["task"] == "multi-label");
  CHECK(metrics["labels"] == nlohmann::json{"0", "1", "2"});
  CHECK(metrics["chosen"]["on"] == "validation");
  const nlohmann::json& last = metrics["checkpoints"].back();
  CHECK(last["split"] == "test");
  REQUIRE(last["labels"].size() == 3);
  for (const nlohmann::json& label : last["labels"])
    for (const char* name : {"auroc", "auprc", "sensitivity", "specificity"})
      CHECK(label["metrics"][name].contains("interval_95"));
  CHECK(last["metrics"].contains("mean_auroc"));
  // Two thresholds of each label, chosen on validation.
  REQUIRE(metrics["chosen"]["thresholds"].size() == 6);
  CHECK(metrics["chosen"]["thresholds"][2]["label"] == "1");
  CHECK(metrics["chosen"]["thresholds"][3]["rule"] == "sensitivity");
  CHECK(html::markup_fault(read_text(folder / "run/report.html")).empty());

  // The same command gives the same bytes.
  REQUIRE(run(folder, label_training(folder, "again")).status == 0);
  CHECK(read_text(folder / "run/checkpoints/02.safetensors") ==
        read_text(folder / "again/checkpoints/02.safetensors"));
  CHECK(read_text(folder / "run/predictions.csv") == read_text(folder / "again/predictions.csv"));
  CHECK(metrics["chosen"]["temperature"].contains("value"));
  CHECK(metrics["best_on_test_optimistic"]["candidates"] == 3);
  CHECK(metrics["best_on_test_optimistic"]["apparent_mean_auroc"].is_number());
  CHECK(metrics["best_on_test_optimistic"]["optimism"].is_number());
  const Result compared =
      run(folder, {"compare", (folder / "run").string(), (folder / "again").string(), "--json"});
  REQUIRE(compared.status == 0);
  CHECK(nlohmann::json::parse(compared.output)["labels"].size() == 3);
  CHECK(nlohmann::json::parse(compared.output)["mean_auroc"]["difference"] == 0);

  REQUIRE(run(folder, {"eval", (folder / "run").string(), "--threads", "2"}).status == 0);
  const nlohmann::json after = parsed(folder / "run/metrics.json");
  CHECK(after == metrics);
  CHECK(read_text(folder / "run/predictions.csv") == read_text(folder / "again/predictions.csv"));

  // Other images are judged by the run's own thresholds.
  const Result other = run(folder, {"eval", (folder / "run").string(), "--data", data.string(), "--out",
                                    (folder / "other").string(), "--threads", "2"});
  INFO(other.error);
  REQUIRE(other.status == 0);
  const nlohmann::json elsewhere = parsed(folder / "other/metrics.json");
  REQUIRE(elsewhere["chosen"]["thresholds"].size() == 6);
  CHECK(elsewhere["chosen"]["thresholds"][4]["threshold"] == after["chosen"]["thresholds"][4]["threshold"]);
}

TEST_CASE("eval gives the bytes of the evaluation after the training, whatever the size of its batches") {
  TemporaryFolder folder;
  make_labels(folder);
  for (const char* batch : {"24", "36"}) {  // 40 test images: whole batches of 32 or 36, and a rest
    CAPTURE(batch);
    Arguments arguments = label_training(folder, batch, {"--epochs", "1"});
    replace_value(arguments, "--batch-size", batch);
    REQUIRE(run(folder, arguments).status == 0);
    const std::string before = read_text(folder / batch / "predictions.csv");
    REQUIRE(run(folder, {"eval", (folder / batch).string(), "--threads", "2"}).status == 0);
    CHECK(read_text(folder / batch / "predictions.csv") == before);
  }
}

TEST_CASE("a run of labels that was killed ends in the same bytes") {
  TemporaryFolder folder;
  make_labels(folder);
  REQUIRE(run(folder, label_training(folder, "whole")).status == 0);
  RunSettings killed;
  killed.signal_after_line = "Epoch 1/";
  (void)run(folder, label_training(folder, "killed"), killed);
  const Result resumed = run(folder, label_training(folder, "killed", {"--resume"}));
  INFO(resumed.error);
  REQUIRE(resumed.status == 0);
  check_same_results(folder / "whole", folder / "killed");
}

TEST_CASE("predict calls labels by their thresholds and explains the one that is named") {
  TemporaryFolder folder;
  make_labels(folder);
  REQUIRE(run(folder, label_training(folder, "run")).status == 0);
  for (int i = 0; i < 3; ++i)
    make_png(folder / fmt::format("images/{}.png", i), static_cast<std::uint64_t>(i));
  const std::string chosen = parsed(folder / "run/metrics.json")["chosen"]["checkpoint"];
  const std::string checkpoint = (folder / "run/checkpoints" / (chosen + ".safetensors")).string();
  const LabelThresholds thresholds =
      read_label_thresholds(folder / "run", std::stoll(chosen), {"0", "1", "2"});
  CHECK(thresholds.chosen);

  const Result json =
      run(folder, {"predict", checkpoint, (folder / "images").string(), "--json", "--threads", "2"});
  INFO(json.error);
  REQUIRE(json.status == 0);
  CHECK(json.error.empty());
  std::istringstream lines(json.output);
  int rows = 0;
  for (std::string line; std::getline(lines, line); ++rows) {
    const auto row = nlohmann::json::parse(line);
    std::vector<std::string> called;
    for (std::size_t l = 0; l < 3; ++l)
      if (row["probabilities"][std::to_string(l)].get<double>() >= thresholds.values[l])
        called.push_back(std::to_string(l));
    CHECK(row["labels"] == nlohmann::json(called));
    CHECK_FALSE(row.contains("class"));
  }
  CHECK(rows == 3);
  CHECK(run(folder, {"predict", checkpoint, (folder / "images").string(), "--csv", "--threads", "2"})
            .output.starts_with("file,labels,p(0),p(1),p(2)\n"));

  const Result explained =
      run(folder, {"predict", checkpoint, (folder / "images/0.png").string(), "--json", "--explain",
                   (folder / "maps").string(), "--class", "2", "--occlusion", "--threads", "2"});
  INFO(explained.error);
  REQUIRE(explained.status == 0);
  CHECK(nlohmann::json::parse(explained.output)["explanation"]["class"] == "2");
  CHECK(fs::exists(folder / "maps/0.png"));
  CHECK(run(folder, {"predict", checkpoint, (folder / "images/0.png").string(), "--explain",
                     (folder / "maps").string(), "--class", "edema"})
            .status == 2);
  // Elsewhere the thresholds are not known, and that is said.
  fs::copy_file(checkpoint, folder / "alone.safetensors");
  const Result alone =
      run(folder, {"predict", (folder / "alone.safetensors").string(), (folder / "images").string()});
  CHECK(alone.status == 0);
  CHECK_THAT(alone.error, contains("0.5"));
}

TEST_CASE("a table of many labels shows those that are called") {
  TemporaryFolder folder;
  std::vector<engine::test::ArchiveMember> members;
  for (const char* split : {"train", "val", "test"}) add_images(members, split, 24, 1, 14);
  write_text(folder / "chestmnist.npz", engine::test::zip(members));
  Arguments training = label_training(folder, "run", {"--epochs", "1"});
  replace_value(training, "--data", (folder / "chestmnist.npz").string());
  REQUIRE(run(folder, training).status == 0);
  for (int i = 0; i < 3; ++i)
    make_png(folder / fmt::format("images/{}.png", i), static_cast<std::uint64_t>(i));
  const auto predict = [&](const Arguments& more) {
    Arguments arguments = {"predict", (folder / "run").string(), (folder / "images").string(), "--threads",
                           "2"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(folder, arguments).output;
  };
  std::istringstream rows(predict({})), objects(predict({"--json"}));
  std::string row, object;
  std::getline(rows, row);
  CHECK_THAT(row, contains("labels") && !contains("p(hernia)"));
  for (int i = 0; i < 3; ++i) {
    REQUIRE(std::getline(rows, row));
    REQUIRE(std::getline(objects, object));
    const auto expected = nlohmann::json::parse(object);
    for (const auto& [name, value] : expected["probabilities"].items()) {
      const std::string entry = fmt::format("{} {:.4f}", name, value.get<double>());
      const auto& called = expected["labels"];
      const bool is_called = std::find(called.begin(), called.end(), nlohmann::json(name)) != called.end();
      CHECK((row.find(entry) != std::string::npos) == is_called);
    }
  }
  CHECK_THAT(predict({"--csv"}), contains("p(hernia)"));
}

TEST_CASE("labels are cross-validated and audited") {
  TemporaryFolder folder;
  const fs::path data = make_labels(folder);
  Arguments cv = label_training(folder, "cv", {"--epochs", "1"});
  cv.front() = "cv";
  for (const char* word : {"--folds", "3", "--jobs", "1"}) cv.emplace_back(word);
  const Result validated = run(folder, cv);
  INFO(validated.error);
  REQUIRE(validated.status == 0);
  const nlohmann::json summary = parsed(folder / "cv/cv.json");
  REQUIRE(summary["repeats"][0]["pooled"]["labels"].size() == 3);
  CHECK(summary["repeats"][0]["pooled"]["images"] == (64 + 32) * 3);
  CHECK(read_text(folder / "cv/predictions.csv")
            .starts_with("repeat,fold,image,label(0),label(1),label(2),p(0),"));
  CHECK(html::markup_fault(read_text(folder / "cv/cv.html")).empty());

  const Result audited =
      run(folder, {"audit", data.string(), "--out", (folder / "audit").string(), "--image-size", "16"});
  INFO(audited.error);
  REQUIRE(audited.status == 0);
  const nlohmann::json audit = parsed(folder / "audit/audit.json");
  CHECK(audit["images"] == 64 + 32 + 40);
  CHECK(audit["shortcuts"]["classifiers"].size() == 5 * 3);
  CHECK(audit["balance"]["splits"]["train"]["0"].contains("without"));
  CHECK(html::markup_fault(read_text(folder / "audit/audit.html")).empty());
}

TEST_CASE("options that are for classes are refused for labels") {
  TemporaryFolder folder;
  make_labels(folder);
  const Result positive = run(folder, label_training(folder, "a", {"--positive", "1"}));
  CHECK(positive.status == 2);
  CHECK_THAT(positive.error_line(), contains("--positive"));
  CHECK_THAT(run(folder, label_training(folder, "b", {"--label-smoothing", "0.1"})).error_line(),
             contains("--label-smoothing"));
  const Result range = run(folder, {"find-lr", "--data", (folder / "labels.npz").string(), "--out",
                                    (folder / "range").string(), "--label-smoothing", "0.1"});
  CHECK(range.status == 2);
  CHECK_THAT(range.error_line(), contains("--label-smoothing"));
  REQUIRE(run(folder, label_training(folder, "run", {"--epochs", "1"})).status == 0);
}

TEST_CASE("control trainings of labels are compared by their mean AUROC") {
  TemporaryFolder folder;
  const fs::path data = make_labels(folder);
  const Result result = run(folder, {"audit", data.string(), "--control", "--control-epochs", "1",
                                     "--image-size", "16", "--out", (folder / "audit").string()});
  INFO(result.error);
  CHECK(result.status == 0);
  const nlohmann::json audit = parsed(folder / "audit/audit.json");
  const nlohmann::json whole = parsed(folder / "audit/control/whole/metrics.json");
  CHECK(audit["control"]["whole"]["mean_auroc"] ==
        whole["checkpoints"].back()["metrics"]["mean_auroc"]["value"]);
  CHECK(audit["control"]["guessing"] == 0.5);
  CHECK(html::markup_fault(read_text(folder / "audit/audit.html")).empty());
}

TEST_CASE("predictions of labels go through their file bit for bit, unknown targets too") {
  TemporaryFolder folder;
  Predictions before{{"a,b", "c"}, {}};
  before.task = data::Task::multi_label;
  auto images = std::make_shared<SplitImages>();
  images->paths = {"1.png", "2.png"};
  images->labels = {0, 0};
  images->targets = {1, data::unknown_target, 0, 1};
  before.splits = {{3, "test", images, {0.25, 1.0 / 3.0, 1e-300, 1.0}}};
  write_text(folder / "p.csv", predictions_csv(before));
  CHECK(read_text(folder / "p.csv")
            .starts_with("checkpoint,split,image,\"label(a,b)\",label(c),\"p(a,b)\",p(c)\n"
                         "03,test,1.png,1,,0.25,"));
  const Predictions after = read_predictions(folder / "p.csv");
  CHECK(after.task == data::Task::multi_label);
  CHECK(after.class_names == before.class_names);
  REQUIRE(after.splits.size() == 1);
  CHECK(after.splits[0].probabilities == before.splits[0].probabilities);
  REQUIRE(after.splits[0].images->targets.size() == 4);
  CHECK(after.splits[0].images->targets[0] == 1.0f);
  CHECK_FALSE(data::is_known(after.splits[0].images->targets[1]));
  CHECK(after.splits[0].label_table().labels == 2);
  write_text(folder / "p.csv", "checkpoint,split,image,label(a),p(a)\n00,test,1.png,2,0.5\n");
  CHECK_THAT(error_of<Error>([&] { (void)read_predictions(folder / "p.csv"); }), contains("a label is 2"));
  write_text(folder / "p.csv", "checkpoint,split,image,label(a),p(b)\n");
  CHECK_THAT(error_of<Error>([&] { (void)read_predictions(folder / "p.csv"); }),
             contains("holds no predictions"));
}

TEST_CASE("answers, losses and choices of labels") {
  const std::vector<float> logits{2, -1, 0, -3}, targets{1, data::unknown_target, 0, 0};
  const std::vector<std::int64_t> classes{0, 0};
  const Answers answers = answers_of(logits, {classes, targets});
  CHECK(answers.count == 3);
  CHECK(answers.right == 2);  // a logit of 0 says yes
  CHECK(answers_of(std::vector<float>{1, 2, 4, 3}, {std::vector<std::int64_t>{1, 1}}).right == 1);
  CHECK(binary_cross_entropy_of(2.0f, 1.0f) == Approx(-std::log(sigmoid(2.0f))));
  CHECK(binary_cross_entropy_of(-800.0f, 1.0f) == Approx(800));
  CHECK(binary_cross_entropy_of(-800.0f, 0.0f) == Approx(0));

  Evaluation accurate{{10}, {9}, 1.0}, ranking{{10}, {5}, 5.0};
  accurate.mean_auroc = 0.6;
  ranking.mean_auroc = 0.8;
  CHECK(better_result(ranking, accurate));
  CHECK_FALSE(better_result(accurate, ranking));
  ranking.mean_auroc = 0.6;
  CHECK(better_result(accurate, ranking));  // by the loss

  EpochRecord record;
  record.validation = accurate;
  const History back = history_from_json(history_to_json({record}));
  REQUIRE(back.size() == 1);
  CHECK(back[0].validation == record.validation);
  CHECK_THAT(history_csv({record}), contains("validation_mean_auroc") && contains(",0.600000\n"));
}

}  // namespace xr::apps::test
