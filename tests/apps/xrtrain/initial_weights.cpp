// `xrtrain train --init`.
#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "engine/io/safetensors.h"
#include "tests/apps/xrtrain/support.h"
#include "tests/engine/io/pickle_writer.h"

namespace xr::apps::test {

namespace {

using nlohmann::json;

json facts_of(const fs::path& run) {
  std::ifstream file(run / "initial_weights.json");
  return json::parse(file);
}

engine::Metadata metadata_of(const fs::path& checkpoint) {
  return engine::SafetensorsFile(checkpoint).metadata();
}

/// A checkpoint's tensors as torch.save writes them, with a prefix before the names.
void write_pth(const fs::path& checkpoint, const fs::path& pth, const std::string& prefix) {
  const engine::SafetensorsFile file(checkpoint);
  std::vector<std::pair<std::string, std::string>> items;
  std::vector<std::string> storages;
  for (const auto& entry : file.entries()) {
    engine::test::TensorClaim claim{
        .shape = {entry.shape.begin(), entry.shape.end()},
        .stride = std::vector<std::int64_t>(entry.shape.rank(), 1),
        .elements = entry.shape.numel(),
        .key = std::to_string(storages.size()),
        .type = entry.dtype == engine::DType::i64 ? "LongStorage" : "FloatStorage"};
    for (std::size_t d = entry.shape.rank(); d-- > 1;) claim.stride[d - 1] = claim.stride[d] * claim.shape[d];
    items.emplace_back(prefix + entry.name, engine::test::pickle_tensor(claim));
    const std::vector<std::byte> bytes = file.bytes_of(entry.name);
    storages.emplace_back(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  const std::string state = engine::test::pickle_dictionary(items);
  const std::string value =
      engine::test::pickle_dictionary({{"epoch", engine::test::pickle_integer(3)}, {"state_dict", state}});
  write_text(pth, engine::test::pytorch_zip(engine::test::pickle_of(value), storages));
}

struct TrainedNetwork {
  TrainedNetwork() {
    make_phantoms(folder);
    REQUIRE(run(folder, tiny(folder, "first", {"--epochs", "1", "--seed", "7"})).status == 0);
    checkpoint = folder / "first/checkpoints/00.safetensors";
  }
  Result train(const std::string& out, const std::string& init, const Arguments& more = {}) const {
    Arguments arguments = {"--init", init, "--epochs", "1", "--lr", "0"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(folder, tiny(folder, out, arguments));
  }
  TemporaryFolder folder;
  fs::path checkpoint;
};

}  // namespace

TEST_CASE("init: a training starts from the weights of a file, whatever wrote it") {
  const TrainedNetwork trained;
  write_pth(trained.checkpoint, trained.folder / "w.pth", "module.");
  for (const std::string name : {"own", "pth"}) {
    CAPTURE(name);
    const fs::path file = name == "own" ? trained.checkpoint : trained.folder / "w.pth";
    const Result result = trained.train(name, file.string());
    REQUIRE(result.status == 0);
    CHECK_THAT(result.output, contains("Initial weights: ") && contains("loaded"));
    const json facts = facts_of(trained.folder / name);
    CHECK(facts["backbone_share"] == 1.0);
    CHECK(facts["random"].empty());
    CHECK(facts["unused"].empty());
    CHECK(facts["ignored"].size() == (name == "own" ? 0 : 1));
    CHECK(facts["stripped_prefixes"].size() == (name == "own" ? 0 : 1));
    // The learning rate is 0: what the training began with is what it ends with.
    const engine::SafetensorsFile before(trained.checkpoint),
        after(trained.folder / name / "checkpoints/00.safetensors");
    for (const auto& entry : before.entries())
      if (entry.name.find("running") == std::string::npos &&
          entry.name.find("tracked") == std::string::npos) {
        CAPTURE(entry.name);
        CHECK(before.bytes_of(entry.name) == after.bytes_of(entry.name));
      }
    CHECK(after.metadata().at("initial_weights") == facts["identity"].get<std::string>());
  }
  CHECK(!metadata_of(trained.checkpoint).contains("initial_weights"));
}

TEST_CASE("init: preprocessing goes with the weights, and options name another") {
  const TrainedNetwork trained;
  REQUIRE(run(trained.folder, tiny(trained.folder, "second",
                                   {"--epochs", "1", "--mean", "0.25", "--std", "0.125", "--no-normalize"}))
              .status == 0);
  const fs::path second = trained.folder / "second/checkpoints/00.safetensors";
  CHECK(metadata_of(second).at("mean") == "[0.25]");
  CHECK(metadata_of(second).at("deviation") == "[0.125]");
  REQUIRE(trained.train("kept", second.string()).status == 0);
  CHECK(metadata_of(trained.folder / "kept/checkpoints/00.safetensors").at("mean") == "[0.25]");
  const std::pair<Arguments, std::pair<double, double>> cases[] = {
      {{"--preprocessing", "imagenet"}, {0.449, 0.226}},
      {{"--preprocessing", "torchxrayvision"}, {0.5, 1.0 / 2048}},
      {{"--preprocessing", "none"}, {0, 1}},
      {{"--mean", "0.75", "--std", "2"}, {0.75, 2}}};
  int number = 0;
  for (const auto& [arguments, expected] : cases) {
    const std::string out = fmt::format("run{}", number++);
    REQUIRE(trained.train(out, second.string(), arguments).status == 0);
    const engine::Metadata metadata = metadata_of(trained.folder / out / "checkpoints/00.safetensors");
    CHECK(std::abs(json::parse(metadata.at("mean"))[0].get<double>() - expected.first) <= 1e-6);
    CHECK(std::abs(json::parse(metadata.at("deviation"))[0].get<double>() - expected.second) <= 1e-6);
  }
}

TEST_CASE("init: files that do not fit or are none end the program before the training") {
  const TrainedNetwork trained;
  const Result unfit = trained.train("unfit", trained.checkpoint.string(), {"--model", "xray_resnet"});
  CHECK(unfit.status == 3);
  CHECK_THAT(unfit.error_line(), contains("--model report_cnn --channels 1"));
  CHECK(!fs::exists(trained.folder / "unfit"));
  write_text(trained.folder / "pointer.pth", "version https://git-lfs.github.com/spec/v1\n");
  CHECK(trained.train("none", (trained.folder / "pointer.pth").string()).status == 3);
  write_text(
      trained.folder / "code.pth",
      engine::test::pytorch_zip(
          engine::test::pickle_of(engine::test::pickle_model("torchxrayvision.models", "DenseNet")), {}));
  const Result code = trained.train("none", (trained.folder / "code.pth").string());
  CHECK(code.status == 3);
  CHECK_THAT(code.error_line(), contains("torchxrayvision.models.DenseNet") && contains("state_dict()"));
  CHECK(trained.train("none", (trained.folder / "absent.pth").string()).status == 3);
  write_pth(trained.checkpoint, trained.folder / "w.pth", "");
  const Result predicted = run(trained.folder, {"predict", (trained.folder / "w.pth").string(),
                                                (trained.folder / "data/test").string()});
  CHECK(predicted.status == 3);
  CHECK_THAT(predicted.error_line(), contains("--init"));
  CHECK(trained.train("none", trained.checkpoint.string(), {"--mean", "0.5"}).status == 2);
  CHECK(trained.train("none", trained.checkpoint.string(), {"--mean", "x", "--std", "1"}).status == 2);
  CHECK(trained.train("none", trained.checkpoint.string(), {"--mean", "0", "--std", "0"}).status == 2);
}

TEST_CASE("init: a run is resumed without the file that it started from, to the same bytes") {
  const TrainedNetwork trained;
  const fs::path file = trained.folder / "w.safetensors";
  fs::copy_file(trained.checkpoint, file);
  const auto train = [&](const std::string& out, const std::string& epochs) {
    return run(trained.folder, tiny(trained.folder, out,
                                    {"--init", file.string(), "--epochs", epochs, "--schedule", "constant"}))
        .status;
  };
  REQUIRE(train("whole", "2") == 0);
  REQUIRE(train("parts", "1") == 0);
  fs::remove(file);
  REQUIRE(run(trained.folder,
              {"train", "--out", (trained.folder / "parts").string(), "--resume", "--epochs", "2"})
              .status == 0);
  for (const char* name : {"00", "01"})
    CHECK(read_text(trained.folder / fmt::format("whole/checkpoints/{}.safetensors", name)) ==
          read_text(trained.folder / fmt::format("parts/checkpoints/{}.safetensors", name)));
}

TEST_CASE("init: with a frozen backbone the head alone changes") {
  const TrainedNetwork trained;
  const auto train = [&](const std::string& out, const Arguments& more) {
    Arguments arguments = {"--epochs", "2"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(trained.folder, tiny(trained.folder, out, arguments)).status;
  };
  CHECK(train("none", {"--freeze", "backbone"}) == 2);
  REQUIRE(train("frozen", {"--freeze", "backbone", "--init", trained.checkpoint.string()}) == 0);
  const engine::SafetensorsFile before(trained.checkpoint),
      after(trained.folder / "frozen/checkpoints/01.safetensors");
  for (const auto& entry : before.entries()) {
    CAPTURE(entry.name);
    CHECK((before.bytes_of(entry.name) == after.bytes_of(entry.name)) == !entry.name.starts_with("fc3."));
  }
}

}  // namespace xr::apps::test
