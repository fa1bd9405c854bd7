// `xrtrain export` and `xrtrain info CHECKPOINT`.
#include <nlohmann/json.hpp>

#include "engine/io/safetensors.h"
#include "model/onnx/write.h"
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

namespace {

struct TrainedRun {
  TrainedRun() {
    make_phantoms(folder);
    REQUIRE(run(folder, tiny(folder, "run")).status == 0);
  }
  Result operator()(const Arguments& arguments) const { return run(folder, arguments); }
  [[nodiscard]] std::string path(const fs::path& name) const { return (folder / name).string(); }
  TemporaryFolder folder;
};

}  // namespace

TEST_CASE("export writes the weights alone, with their names and values") {
  const TrainedRun trained;
  const std::string checkpoint = trained.path("run/checkpoints/02.safetensors");
  const Result result = trained({"export", checkpoint, "--safetensors", trained.path("weights.safetensors")});
  CHECK(result.status == 0);
  CHECK_THAT(result.output, contains("Written: ") && contains("weights.safetensors"));
  const engine::SafetensorsFile before(checkpoint), after(trained.path("weights.safetensors"));
  REQUIRE(after.entries().size() == before.entries().size());
  CHECK(after.metadata() == engine::Metadata{{"format", "pt"}});
  for (const auto& entry : before.entries()) {
    CAPTURE(entry.name);
    REQUIRE(after.find(entry.name) != nullptr);
    if (entry.dtype == engine::DType::f32)
      CHECK(after.load(entry.name).to_host() == before.load(entry.name).to_host());
  }
}

TEST_CASE("export takes a run's folder and writes ONNX where the build can") {
  const TrainedRun trained;
  const Result result = trained({"export", trained.path("run"), "--onnx", trained.path("network.onnx")});
  if (!model::onnx::can_write()) {
    CHECK(result.status == 1);
    CHECK_THAT(result.error_line(), contains("libonnx-dev"));
    CHECK_FALSE(fs::exists(trained.folder / "network.onnx"));
    return;
  }
  CHECK(result.status == 0);
  CHECK_THAT(result.output, contains("input (batch, 1, ") && contains("probabilities (batch, 2)"));
  const std::string bytes = read_text(trained.folder / "network.onnx");
  for (const char* const part : {"class_names", "[\"covid\",\"normal\"]", "deviation", "fc3.weight"})
    CHECK(bytes.find(part) != std::string::npos);
  const Result images =
      trained({"export", trained.path("run"), "--onnx", trained.path("images.onnx"), "--image-input"});
  CHECK_THAT(images.output, contains("input image (batch, 1, "));
}

TEST_CASE("export refuses what makes no sense") {
  const TrainedRun trained;
  const std::string checkpoint = trained.path("run/checkpoints/02.safetensors");
  const std::string before = read_text(checkpoint);
  CHECK(trained({"export", checkpoint}).status == 2);
  CHECK(trained({"export", checkpoint, "--image-input", "--safetensors", trained.path("w.safetensors")})
            .status == 2);
  for (const char* const option : {"--safetensors", "--onnx"}) {
    const Result result = trained({"export", checkpoint, option, checkpoint});
    CHECK(result.status == 2);
    CHECK_THAT(result.error_line(), contains(option));
  }
  CHECK(read_text(checkpoint) == before);
  CHECK(trained({"export", trained.path("absent"), "--safetensors", trained.path("w.safetensors")}).status ==
        3);
  CHECK_FALSE(fs::exists(trained.folder / "w.safetensors"));
}

TEST_CASE("info of a checkpoint says what it is, what it was trained on and what it reached") {
  const TrainedRun trained;
  const std::string checkpoint = trained.path("run/checkpoints/02.safetensors");
  const Result text = trained({"info", checkpoint});
  CHECK(text.status == 0);
  CHECK_THAT(text.output, contains("report_cnn") && contains("covid, normal") &&
                              contains("preprocessing: ") && contains("images: ") && contains("accuracy"));
  const auto facts = nlohmann::json::parse(trained({"info", checkpoint, "--json"}).output);
  CHECK(facts["model"] == "report_cnn");
  CHECK(facts["epoch"] == 2);
  CHECK(facts["classes"] == nlohmann::json{"covid", "normal"});
  CHECK(facts["preprocessing"]["channels"] == 1);
  CHECK(facts["images"][0]["split"] == "training");
  const auto metrics = nlohmann::json::parse(read_text(trained.folder / "run/metrics.json"));
  for (const auto& split : facts["results"]["splits"])
    for (const auto& one : metrics["checkpoints"])
      if (one["checkpoint"] == "02" && one["split"] == split["split"])
        CHECK(split["metrics"] == one["metrics"]);
  CHECK_FALSE(facts["results"]["splits"].empty());

  fs::rename(checkpoint, trained.folder / "alone.safetensors");
  const auto alone =
      nlohmann::json::parse(trained({"info", trained.path("alone.safetensors"), "--json"}).output);
  CHECK(alone["results"].is_null());
  CHECK(alone["images"].is_null());
  CHECK(alone["model"] == "report_cnn");
  write_text(trained.folder / "text.safetensors", "no checkpoint");
  CHECK(trained({"info", trained.path("text.safetensors")}).status == 3);
}

}  // namespace xr::apps::test
