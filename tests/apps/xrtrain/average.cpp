// xrtrain average: the mean of the weights of several checkpoints.
#include <cmath>
#include <nlohmann/json.hpp>

#include "apps/xrtrain/run/run_folder.h"
#include "engine/io/safetensors.h"
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

namespace {

std::string file_of(const TemporaryFolder& folder, const std::string& run, std::int64_t epoch) {
  return checkpoint_path(folder / run, epoch).string();
}

void train(const TemporaryFolder& folder, const std::string& out, const std::string& model,
           const Arguments& more = {}) {
  Arguments arguments = tiny(folder, out, more);
  replace_value(arguments, "--model", model);
  REQUIRE(run(folder, arguments).status == 0);
}

/// Largest difference of the weights (running statistics left out) to the mean of those of some files.
double error_of_mean(const fs::path& average, const std::vector<std::string>& files) {
  const engine::SafetensorsFile mean(average);
  double largest = 0;
  for (const auto& entry : mean.entries()) {
    if (entry.dtype != engine::DType::f32 || entry.name.find("running_") != std::string::npos) continue;
    std::vector<double> expected(static_cast<std::size_t>(entry.shape.numel()));
    for (const std::string& file : files) {
      const std::vector<float> values = engine::SafetensorsFile(file).load(entry.name).to_host();
      for (std::size_t i = 0; i < values.size(); ++i)
        expected[i] += static_cast<double>(values[i]) / static_cast<double>(files.size());
    }
    const std::vector<float> values = mean.load(entry.name).to_host();
    for (std::size_t i = 0; i < values.size(); ++i)
      largest = std::max(largest, std::abs(static_cast<double>(values[i]) - expected[i]));
  }
  return largest;
}

}  // namespace

TEST_CASE("The average of checkpoints is the mean of their weights") {
  TemporaryFolder folder;
  make_phantoms(folder);
  train(folder, "run", "report_cnn");
  const std::vector<std::string> last = {file_of(folder, "run", 1), file_of(folder, "run", 2)};
  const std::string by_run = (folder / "by_run.safetensors").string(),
                    by_files = (folder / "by_files.safetensors").string();
  const Result result = run(folder, {"average", (folder / "run").string(), "--last", "2", "--out", by_run});
  REQUIRE(result.status == 0);
  CHECK_THAT(result.output, contains("01.safetensors, 02.safetensors") && contains("Written: " + by_run));
  REQUIRE(run(folder, {"average", last[0], last[1], "--out", by_files}).status == 0);
  CHECK(read_text(by_run) == read_text(by_files));
  CHECK(error_of_mean(by_run, last) <= 1e-7);
  CHECK(error_of_mean(by_run, {last[0]}) > 1e-6);
  // What it is made of.
  const engine::SafetensorsFile file(by_run);
  const auto averaged = nlohmann::json::parse(file.metadata().at("averaged"));
  REQUIRE(averaged.size() == 2);
  CHECK_THAT(averaged[0].get<std::string>(), Catch::Matchers::StartsWith("01.safetensors "));
  const auto facts = nlohmann::json::parse(run(folder, {"info", by_run, "--json"}).output);
  CHECK(facts["averaged"] == averaged);
  CHECK(facts["train_loss"].is_null());
  CHECK_THAT(run(folder, {"info", by_run}).output, contains("mean of 2 checkpoints: 01.safetensors "));
  // It can be used.
  CHECK(run(folder, {"predict", by_run, (folder / "data/test").string()}).status == 0);
  CHECK(run(folder, {"export", by_run, "--safetensors", (folder / "weights.safetensors").string()}).status ==
        0);
  CHECK(run(folder, tiny(folder, "tuned", {"--init", by_run, "--epochs", "1"})).status == 0);
}

TEST_CASE("An average has running statistics of its own, also of a run whose folder moved") {
  TemporaryFolder folder;
  make_phantoms(folder);
  train(folder, "run", "xray_resnet");
  const std::string first = (folder / "first.safetensors").string();
  const Result result = run(folder, {"average", (folder / "run").string(), "--last", "3", "--out", first});
  REQUIRE(result.status == 0);
  CHECK_THAT(result.output, contains("recomputed over 9 training images") ||
                                contains("recomputed over 8 training images") ||
                                contains("recomputed over 10 training images"));
  const engine::SafetensorsFile file(first);
  CHECK(std::stoll(file.metadata().at("statistics_images")) >= 8);
  std::vector<std::string> all;
  for (const std::int64_t epoch : {0, 1, 2}) all.push_back(file_of(folder, "run", epoch));
  CHECK(error_of_mean(first, all) <= 1e-7);
  // Not the mean of the checkpoints' statistics.
  for (const auto& entry : file.entries()) {
    if (!entry.name.ends_with("running_var")) continue;
    std::vector<double> mean(static_cast<std::size_t>(entry.shape.numel()));
    for (const std::string& one : all) {
      const std::vector<float> values = engine::SafetensorsFile(one).load(entry.name).to_host();
      for (std::size_t i = 0; i < values.size(); ++i) mean[i] += static_cast<double>(values[i]) / 3;
    }
    const std::vector<float> own = file.load(entry.name).to_host();
    double difference = 0;
    for (std::size_t i = 0; i < own.size(); ++i)
      difference = std::max(difference, std::abs(static_cast<double>(own[i]) - mean[i]) / mean[i]);
    INFO(entry.name);
    CHECK(difference > 1e-3);
  }
  // The same bytes again; also with the images elsewhere, but not with other images.
  fs::rename(folder / "data", folder / "moved");
  const auto again = [&](const std::string& name) {
    return run(folder, {"average", (folder / "run").string(), "--last", "3", "--out",
                        (folder / name).string(), "--data", (folder / "moved").string()});
  };
  REQUIRE(again("second.safetensors").status == 0);
  CHECK(read_text(first) == read_text(folder / "second.safetensors"));
  make_png(folder / "moved/train/covid/zzz.png");
  const Result other = again("third.safetensors");
  CHECK(other.status == 3);
  CHECK_THAT(other.error_line(), contains("are not those of the checkpoints"));
  CHECK_FALSE(fs::exists(folder / "third.safetensors"));
}

TEST_CASE("A folder for an average is a run that eval evaluates, and that is not resumed") {
  TemporaryFolder folder;
  make_phantoms(folder);
  train(folder, "run", "xray_resnet");
  const std::string out = (folder / "average").string();
  const Result result = run(folder, {"average", (folder / "run").string(), "--last", "2", "--out", out});
  REQUIRE(result.status == 0);
  CHECK_THAT(result.output, contains("xrtrain eval " + out));
  CHECK(list_checkpoints(out) == std::vector<std::int64_t>{2});
  for (const char* name : {"provenance.json", "seen_images.txt"})
    CHECK(read_text(folder / "average" / name) == read_text(folder / "run" / name));
  REQUIRE(run(folder, {"eval", out}).status == 0);
  const auto metrics = nlohmann::json::parse(read_text(folder / "average/metrics.json"));
  CHECK(metrics["chosen"]["checkpoint"] == "02");
  CHECK(metrics["training"].is_null());
  CHECK_THAT(read_text(folder / "average/report.html"), contains("mean of the weights of 2 checkpoints"));
  CHECK(run(folder, {"predict", out, (folder / "data/test").string()}).status == 0);
  const std::string before = read_text(file_of(folder, "average", 2));
  const Result resumed = run(folder, {"train", "--out", out, "--resume"});
  CHECK(resumed.status == 2);
  CHECK_THAT(resumed.error_line(), contains("is an average of checkpoints"));
  CHECK(read_text(file_of(folder, "average", 2)) == before);
  // An average of averages has no such running statistics.
  const Result twice = run(folder, {"average", file_of(folder, "average", 2), file_of(folder, "average", 2),
                                    "--out", (folder / "twice.safetensors").string()});
  CHECK(twice.status == 2);
}

TEST_CASE("What cannot be averaged is refused with the difference") {
  TemporaryFolder folder;
  make_phantoms(folder);
  train(folder, "run", "report_cnn");
  const std::string run_folder = (folder / "run").string(), out = (folder / "out.safetensors").string();
  const auto error = [&](Arguments arguments, int status) {
    arguments.insert(arguments.begin(), "average");
    arguments.insert(arguments.end(), {"--out", out});
    const Result result = run(folder, arguments);
    CHECK(result.status == status);
    CHECK_FALSE(fs::exists(out));
    return result.error_line();
  };
  // Another network beside the run's own checkpoints.
  train(folder, "other", "report_cnn", {"--dropout", "0.5", "--epochs", "1"});
  fs::copy_file(file_of(folder, "other", 0), file_of(folder, "run", 7));
  CHECK_THAT(error({file_of(folder, "run", 2), file_of(folder, "run", 7)}, 3),
             contains("dropout is 0.2 and 0.5") && contains("07.safetensors"));
  CHECK_THAT(error({file_of(folder, "run", 2), file_of(folder, "other", 0)}, 2), contains("not of one run"));
  CHECK_THAT(error({run_folder}, 2), contains("--last"));
  CHECK_THAT(error({run_folder, "--last", "3"}, 2), contains("has the checkpoints 0, 1, 2, 7"));
  CHECK_THAT(error({file_of(folder, "run", 0)}, 2), contains("at least two"));
  CHECK_THAT(error({file_of(folder, "run", 0), file_of(folder, "run", 0)}, 2), contains("given twice"));
  CHECK_THAT(error({(folder / "data").string(), "--last", "2"}, 3), contains("not the folder of a run"));
  const Result inside = run(folder, {"average", file_of(folder, "run", 0), file_of(folder, "run", 1), "--out",
                                     file_of(folder, "run", 9)});
  CHECK(inside.status == 2);
  CHECK_THAT(inside.error_line(), contains("lies in a folder of the run"));
  const Result there =
      run(folder, {"average", file_of(folder, "run", 0), file_of(folder, "run", 1), "--out", run_folder});
  CHECK(there.status == 2);
  CHECK_THAT(there.error_line(), contains("is there already"));
}

}  // namespace xr::apps::test
