// Ensembles: `predict` and `eval` of several networks.
#include "apps/xrtrain/evaluation/ensemble.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "apps/xrtrain/errors.h"
#include "engine/io/safetensors.h"
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

namespace {

using nlohmann::json;

/// p(covid) of each image, by file.
std::map<std::string, double> covid_of(const Result& result, int networks) {
  CHECK(result.status == 0);
  std::map<std::string, double> found;
  std::istringstream lines(result.output);
  for (std::string line; std::getline(lines, line);) {
    const json row = json::parse(line);
    if (networks > 1)
      CHECK(row["ensemble"] == networks);
    else
      CHECK_FALSE(row.contains("ensemble"));
    found[row["file"]] = row["probabilities"]["covid"];
  }
  return found;
}

Result predict_json(const TemporaryFolder& folder, const Arguments& networks) {
  Arguments arguments{"predict"};
  arguments.insert(arguments.end(), networks.begin(), networks.end());
  arguments.insert(arguments.end(), {(folder / "data/test").string(), "--json", "--threads", "2"});
  return run(folder, arguments);
}

void set_temperature(const fs::path& run_folder, const json& value) {
  json metrics = json::parse(read_text(run_folder / "metrics.json"));
  metrics["chosen"]["temperature"] = value.is_null() ? json() : json{{"value", value}};
  write_text(run_folder / "metrics.json", metrics.dump());
}

double at(double p, double temperature) {
  return 1.0 / (1.0 + std::pow((1.0 - p) / p, 1.0 / temperature));
}

/// A checkpoint without weights.
fs::path write_checkpoint(const fs::path& file, const std::vector<std::string>& names, data::Task task) {
  CheckpointInfo info;
  info.model.name = "report_cnn";
  info.model.image_size = 16;
  info.model.channels = 1;
  info.class_names = names;
  info.task = task;
  info.data = "x";
  engine::save_safetensors(file, {}, to_metadata(info));
  return file;
}

}  // namespace

TEST_CASE(
    "an ensemble predicts the mean of its networks, each at its temperature and with its preprocessing") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny(folder, "a")).status == 0);
  Arguments other = tiny(folder, "b", {"--augment", "report", "--normalize", "--epochs", "2"});
  replace_value(other, "--model", "xray_resnet");
  replace_value(other, "--image-size", "32");
  REQUIRE(run(folder, other).status == 0);
  set_temperature(folder / "a", 2.5);
  set_temperature(folder / "b", nullptr);
  const std::string a = (folder / "a").string(), b = (folder / "b").string();
  const auto of_a = covid_of(predict_json(folder, {a}), 1), of_b = covid_of(predict_json(folder, {b}), 1);
  const Result result = predict_json(folder, {a, b});
  const auto mean = covid_of(result, 2);
  REQUIRE(mean.size() == 4);
  for (const auto& [file, p] : mean)
    CHECK(std::abs(p - (at(of_a.at(file), 2.5) + of_b.at(file)) / 2) <= 1e-6);
  CHECK_THAT(result.error, contains("ensemble of 2 networks, mean of their probabilities") &&
                               contains("report_cnn, after epoch") && contains("temperature 2.500") &&
                               contains("xray_resnet, after epoch") && contains("no temperature fitted"));

  // The same by eval, with what it is of in the files.
  const std::string out = (folder / "out").string();
  const Result evaluated = run(folder, {"eval", a, b, "--data", (folder / "data").string(), "--out", out,
                                        "--threads", "2", "--positive", "covid"});
  REQUIRE(evaluated.status == 0);
  CHECK_THAT(evaluated.output,
             contains("Ensemble of 2 networks, mean of their probabilities, 4 test images:") &&
                 contains("  accuracy "));
  CHECK_THAT(evaluated.other_errors({}), !contains("training or validation images"));
  const json metrics = json::parse(read_text(folder / "out/metrics.json")),
             summary = json::parse(read_text(folder / "out/summary.json"));
  CHECK(metrics["chosen"]["on"] == "ensemble");
  CHECK(metrics["chosen"]["thresholds"].empty());
  for (const json& facts : {metrics["ensemble"], summary["ensemble"]}) {
    CHECK(facts["networks"] == 2);
    CHECK(facts["seen_images"] == 0);
    CHECK(facts["members"][0]["model"] == "report_cnn");
    CHECK(facts["members"][0]["temperature"] == 2.5);
    CHECK(facts["members"][0]["images_known"] == true);
    CHECK(facts["members"][1]["temperature"].is_null());
  }
  CHECK(summary["model"] == "ensemble");
  std::istringstream lines(read_text(folder / "out/predictions.csv"));
  int found = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("00,test,")) continue;
    const std::string image = line.substr(8, line.find(',', 8) - 8);
    const std::size_t last = line.rfind(','), before = line.rfind(',', last - 1);
    CHECK(std::abs(std::stod(line.substr(before + 1)) - mean.at((folder / "data" / image).string())) <= 1e-5);
    ++found;
  }
  CHECK(found == 4);

  // Images that one of them was trained on.
  const Result seen =
      run(folder, {"eval", a, b, "--data", (folder / "data/train").string(), "--threads", "2"});
  CHECK(seen.status == 0);
  CHECK_THAT(seen.error, contains("12 of these 12 images are training or validation images of networks"));
  // Copies of them, one of which is damaged.
  fs::copy(folder / "data/train", folder / "copied", fs::copy_options::recursive);
  fs::resize_file(fs::directory_iterator(folder / "copied/covid")->path(), 100);
  const Result copied = run(folder, {"eval", a, b, "--data", (folder / "copied").string(), "--threads", "2"});
  CHECK(copied.status == 0);
  CHECK_THAT(copied.error, contains("11 of these 11 images are training or validation images") &&
                               contains("(11 of them in other files with the same pixels)"));
  // A file outside a run: nobody knows.
  fs::copy(folder / "b/checkpoints/01.safetensors", folder / "c.safetensors");
  const Result unknown = run(folder, {"eval", a, (folder / "c.safetensors").string(), "--data",
                                      (folder / "data").string(), "--threads", "2"});
  CHECK(unknown.status == 0);
  CHECK_THAT(unknown.error, contains("what 1 of the 2 networks were trained on cannot be found"));

  // `compare` takes its results.
  const Result compared = run(folder, {"compare", a, out, "--json"});
  CHECK(compared.status == 0);
  CHECK(json::parse(compared.output)["b"]["on"] == "ensemble");
}

TEST_CASE("an ensemble of a cross-validation has the chosen checkpoint of each fold") {
  TemporaryFolder folder;
  make_phantoms(folder);
  Arguments cv = tiny(folder, "cv", {"--folds", "3", "--jobs", "2", "--keep-runs", "--epochs", "2"});
  cv.front() = "cv";
  REQUIRE(run(folder, cv).status == 0);
  const std::string cv_folder = (folder / "cv").string(), data = (folder / "data").string();
  const Result result =
      run(folder, {"eval", cv_folder, "--data", data, "--threads", "2", "--out", (folder / "out").string()});
  REQUIRE(result.status == 0);
  CHECK_THAT(result.output, contains("Ensemble of 3 networks") && contains("repeat-01-fold-3/checkpoints"));
  CHECK_THAT(result.error, !contains("training or validation"));
  const json members = json::parse(read_text(folder / "out/metrics.json"))["ensemble"]["members"];
  REQUIRE(members.size() == 3);
  Arguments single{(folder / "cv/runs/repeat-01-fold-1").string(),
                   (folder / "cv/runs/repeat-01-fold-2").string(),
                   (folder / "cv/runs/repeat-01-fold-3").string()};
  CHECK(covid_of(predict_json(folder, {cv_folder}), 3) == covid_of(predict_json(folder, single), 3));

  // Each image of the folds was trained on by two of the three.
  const Result seen = run(folder, {"eval", cv_folder, "--data", data + "/train", "--threads", "2"});
  CHECK(seen.status == 0);
  CHECK_THAT(seen.error, contains("12 of these 12 images are training or validation images"));

  const auto refused = [&](int status) {
    const Result refusal = run(folder, {"predict", cv_folder, data + "/test"});
    CHECK(refusal.status == status);
    return refusal.error_line();
  };
  for (const auto& entry : fs::directory_iterator(folder / "cv/runs/repeat-01-fold-2/checkpoints"))
    fs::remove(entry.path());
  CHECK_THAT(refused(3), contains("repeat-01-fold-2") && contains("--keep-runs"));
  fs::remove(folder / "cv/cv.json");
  CHECK_THAT(refused(3), contains("not complete") && contains("--resume"));
}

TEST_CASE("the networks of an ensemble must have the same classes in the same order") {
  TemporaryFolder folder;
  const auto member = [&](const char* name, const std::vector<std::string>& names,
                          data::Task task = data::Task::multi_class) {
    return ChosenCheckpoint{write_checkpoint(folder / name, names, task), {}};
  };
  const ChosenCheckpoint a = member("a.safetensors", {"covid", "normal"}),
                         same = member("same.safetensors", {"covid", "normal"});
  const std::vector<EnsembleMember> members = read_members({a, same});
  CHECK(members.size() == 2);
  CHECK(members[1].run.empty());
  CHECK(members[1].divisor() == 1.0);
  const auto refused = [&](const ChosenCheckpoint& other) {
    return error_of<DataError>([&] { (void)read_members({a, same, other}); });
  };
  CHECK_THAT(refused(member("b.safetensors", {"normal", "covid"})),
             contains("a.safetensors has the classes covid, normal") &&
                 contains("b.safetensors has the classes normal, covid") && contains("the same order"));
  CHECK_THAT(refused(member("c.safetensors", {"covid", "normal", "other"})),
             contains("the classes covid, normal, other"));
  CHECK_THAT(refused(member("d.safetensors", {"covid", "normal"}, data::Task::multi_label)),
             contains("the labels covid, normal"));
}

TEST_CASE("what cannot be an ensemble is refused") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny(folder, "a", {"--epochs", "1"})).status == 0);
  const std::string a = (folder / "a").string(), file = (folder / "a/checkpoints/00.safetensors").string(),
                    data = (folder / "data").string();
  fs::copy(file, folder / "b.safetensors");
  const std::string b = (folder / "b.safetensors").string();
  const auto refused = [&](const Arguments& arguments, int status) {
    const Result result = run(folder, arguments);
    CHECK(result.status == status);
    return result.error_line();
  };
  CHECK_THAT(refused({"predict", a, file, data + "/test"}, 2), contains("is given twice"));
  CHECK_THAT(refused({"predict", a, b}, 2), contains("IMAGE is missing"));
  CHECK_THAT(refused({"predict", a, b, data + "/test", "--explain", (folder / "maps").string()}, 2),
             contains("--explain"));
  CHECK_THAT(refused({"eval", a, b}, 2), contains("--data"));
  CHECK_THAT(refused({"eval", a, b, "--data", data, "--checkpoint", "0"}, 2), contains("--checkpoint"));
  CHECK_THAT(refused({"eval", a, b, "--data", data, "--target-sensitivity", "0.9"}, 2),
             contains("--target-sensitivity"));
  CHECK_THAT(refused({"eval", a, (folder / "absent.safetensors").string(), "--data", data}, 3),
             contains("absent.safetensors"));
}

}  // namespace xr::apps::test
