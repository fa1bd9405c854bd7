// Test-time augmentation: `--tta`.
#include "apps/xrtrain/evaluation/views.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "apps/xrtrain/evaluation/evaluate.h"
#include "apps/xrtrain/evaluation/network_input.h"
#include "tests/apps/xrtrain/half_sums.h"
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

namespace {

struct Images {
  Images() {
    options.data = make_phantoms(folder).string();
    options.image_size = 20;
    options.augment = Augmentation::none;
    dataset = find_dataset(options, console);
    info.model = model_settings(options, 2, {});
    info.class_names = dataset.class_names;
    info.format = make_preprocessing(options).evaluation;
    info.normalization = {{0.5f, 0, 0}, {0.25f, 1, 1}};
    set = load_split(dataset, dataset.test, info.format, {0, true, false}, console);
  }
  EvaluationSplit split(std::int64_t views) {
    return EvaluationSplit("test", set, preprocessing_of(info), 20, 3, 1, 2, {}, views);
  }
  TemporaryFolder folder;
  Console console{{.quiet = true}};
  TrainOptions options = preset_options("default");
  data::Dataset dataset;
  CheckpointInfo info;
  data::ImageSet set;
};

std::map<std::string, std::vector<double>> probabilities_by_file(const std::string& output) {
  std::map<std::string, std::vector<double>> result;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    const auto row = nlohmann::json::parse(line);
    CHECK(row["tta"] == 4);
    result[row["file"]] = {row["probabilities"]["covid"], row["probabilities"]["normal"]};
  }
  return result;
}

}  // namespace

TEST_CASE("the first view is the image and the others are small changes of it, the same for all images") {
  const data::AugmentSettings evaluation = data::AugmentSettings::none();
  const data::AugmentDraw first = draw_view(view_settings(evaluation, 0), 32, 0);
  CHECK(first.angle == 0.0f);
  CHECK(first.shift_x == 0.0f);
  CHECK(first.zoom == 1.0f);
  const data::AugmentSettings settings = view_settings(evaluation, 1);
  std::set<float> angles;
  for (std::int64_t view = 1; view < max_views; ++view) {
    const data::AugmentDraw draw = draw_view(settings, 32, view);
    angles.insert(draw.angle);
    CHECK(draw.angle != 0.0f);
    CHECK_FALSE(draw.flip);
    CHECK(draw.brightness == 0.0f);
    CHECK(draw.contrast == 1.0f);
  }
  CHECK(angles.size() == max_views - 1);
}

TEST_CASE("evaluation and prediction feed the same views") {
  Images images;
  HalfSums evaluated;
  (void)images.split(3).mean_probabilities(evaluated, 1.0, images.console);
  std::vector<float> predicted;
  for (std::int64_t view = 0; view < 3; ++view)
    for (std::size_t i = 0; i < images.set.count(); ++i) {
      const std::vector<float> input = network_input(images.set.image(i), images.info, view);
      predicted.insert(predicted.end(), input.begin(), input.end());
    }
  CHECK(evaluated.seen.size() == 3 * images.set.count() * 400);
  CHECK(evaluated.seen == predicted);
}

TEST_CASE("probabilities are the mean over the views, each at the temperature") {
  Images images;
  for (const double temperature : {1.0, 2.5}) {
    HalfSums network;
    const std::vector<double> mean = images.split(3).mean_probabilities(network, temperature, images.console);
    const std::size_t count = images.set.count();
    REQUIRE(mean.size() == 2 * count);
    std::vector<double> expected(2 * count);
    for (std::size_t v = 0; v < 3; ++v)
      for (std::size_t i = 0; i < count; ++i) {
        double sums[2] = {0, 0};
        for (std::size_t k = 0; k < 400; ++k)
          sums[k < 200 ? 0 : 1] += network.seen[(v * count + i) * 400 + k] / 100.0;
        const double p = 1.0 / (1.0 + std::exp((sums[1] - sums[0]) / temperature));
        expected[2 * i] += p / 3;
        expected[2 * i + 1] += (1 - p) / 3;
      }
    for (std::size_t i = 0; i < mean.size(); ++i) CHECK(std::abs(mean[i] - expected[i]) <= 1e-6);
  }
}

TEST_CASE("results of averaged probabilities are counted from them") {
  SplitImages images;
  images.labels = {0, 1, 1};
  const Evaluation classes = evaluation_of(images, std::vector<double>{0.75, 0.25, 0.5, 0.5, 0.25, 0.75}, 2);
  CHECK(classes.count == std::vector<std::int64_t>{1, 2});
  CHECK(classes.correct == std::vector<std::int64_t>{1, 1});  // of equal ones the first class
  CHECK(classes.loss_sum == Approx(-std::log(0.75) - std::log(0.5) - std::log(0.75)));
  images.targets = {1, 0, 0, data::unknown_target, 1, 1};
  const Evaluation labels = evaluation_of(images, std::vector<double>{0.5, 0.4, 0.25, 0.9, 0.75, 0.25}, 2);
  CHECK(labels.count == std::vector<std::int64_t>{3, 2});
  CHECK(labels.correct == std::vector<std::int64_t>{3, 1});
  CHECK(labels.loss_sum ==
        Approx(-std::log(0.5) - std::log(0.6) - std::log(0.75) - std::log(0.75) - std::log(0.25)));
  CHECK(labels.mean_auroc.value() == Approx(0.5));  // of the first label 1, of the second 0
}

TEST_CASE("eval and predict average the same views, whatever else is predicted") {
  TemporaryFolder folder;
  make_phantoms(folder);
  REQUIRE(run(folder, tiny(folder, "run")).status == 0);
  const auto before = results_of(folder / "run");
  const std::string run_folder = (folder / "run").string(), test = (folder / "data/test").string(),
                    out = (folder / "out").string();
  const Result evaluated = run(folder, {"eval", run_folder, "--data", (folder / "data").string(), "--tta",
                                        "4", "--threads", "2", "--out", out});
  REQUIRE(evaluated.status == 0);
  CHECK_THAT(evaluated.output, contains("mean of 4 views of each image"));
  const auto metrics = nlohmann::json::parse(read_text(folder / "out/metrics.json"));
  CHECK(metrics["tta"]["views"] == 4);
  CHECK(metrics["tta"]["rotation_degrees"] == 10.0);
  CHECK(nlohmann::json::parse(read_text(folder / "out/summary.json"))["tta"]["views"] == 4);
  CHECK_FALSE(metrics.contains("ensemble"));

  const Result whole = run(folder, {"predict", run_folder, test, "--tta", "4", "--json", "--threads", "2"});
  REQUIRE(whole.status == 0);
  CHECK_THAT(whole.error, contains("mean of 4 views"));
  const auto predicted = probabilities_by_file(whole.output);
  CHECK(predicted.size() == 4);
  const std::string chosen = metrics["chosen"]["checkpoint"];
  std::istringstream lines(read_text(folder / "out/predictions.csv"));
  std::size_t found = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(chosen + ",test,")) continue;
    std::vector<std::string> fields;
    std::istringstream parts(line);
    for (std::string field; std::getline(parts, field, ',');) fields.push_back(field);
    const std::vector<double>& there = predicted.at((folder / "data" / fields[2]).string());
    for (std::size_t c = 0; c < 2; ++c) CHECK(std::abs(std::stod(fields[4 + c]) - there[c]) <= 1e-5);
    ++found;
  }
  CHECK(found == 4);
  const std::string last = std::prev(predicted.end())->first;
  const Result one = run(folder, {"predict", run_folder, last, "--tta", "4", "--json", "--threads", "2"});
  CHECK(std::abs(probabilities_by_file(one.output).at(last)[0] - predicted.at(last)[0]) <= 1e-5);

  // One view is what there is without the option, and more leave the run's results alone.
  const auto csv_of = [&](const Arguments& more) {
    Arguments arguments{"predict", run_folder, test, "--csv", "--threads", "2"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(folder, arguments).output;
  };
  CHECK(csv_of({}) == csv_of({"--tta", "1"}));
  CHECK(csv_of({}) != csv_of({"--tta", "2"}));
  CHECK(run(folder, {"eval", run_folder, "--tta", "2", "--threads", "2"}).status == 0);
  CHECK(results_of(folder / "run") == before);
  CHECK(run(folder, {"eval", run_folder, "--tta", "0"}).status == 2);
}

}  // namespace xr::apps::test
