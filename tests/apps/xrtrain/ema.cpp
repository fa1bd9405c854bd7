// --ema: the moving average of the weights is what is validated, kept and evaluated.
#include <fmt/core.h>

#include <cmath>
#include <csignal>
#include <sstream>

#include "apps/xrtrain/training/averaged_weights.h"
#include "engine/io/safetensors.h"
#include "model/model.h"
#include "tests/apps/xrtrain/support.h"

namespace xr::apps::test {

namespace {

using Weights = std::map<std::string, std::vector<float>>;

/// Parameters, or the running statistics of batch norms.
Weights weights_of(const fs::path& checkpoint, bool statistics = false) {
  const engine::SafetensorsFile file(checkpoint);
  Weights result;
  for (const auto& entry : file.entries())
    if (entry.dtype == engine::DType::f32 && (entry.name.find("running_") != std::string::npos) == statistics)
      result[entry.name] = file.load(entry.name).to_host();
  return result;
}

fs::path checkpoint(const TemporaryFolder& folder, const std::string& out, int epoch) {
  return folder / out / fmt::format("checkpoints/{:02d}.safetensors", epoch);
}

/// Columns of history.csv, line by line: those of the training, and the validation loss.
std::vector<std::vector<std::string>> history_of(const fs::path& run) {
  std::istringstream lines(read_text(run / "history.csv"));
  std::vector<std::vector<std::string>> rows;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    rows.emplace_back();
    for (std::string field; std::getline(fields, field, ',');) rows.back().push_back(field);
  }
  return rows;
}

Arguments with_batch_norm(const TemporaryFolder& folder, const std::string& out, const Arguments& more) {
  Arguments arguments = tiny(folder, out, more);
  replace_value(arguments, "--model", "xray_resnet");
  return arguments;
}

}  // namespace

TEST_CASE("With --ema checkpoints are moving averages of the weights that training has without it") {
  TemporaryFolder folder;
  make_phantoms(folder);
  // An epoch is one step; three validation images are left out of twelve.
  const auto train = [&](const std::string& out, const Arguments& more) {
    Arguments arguments =
        tiny(folder, out, {"--epochs", "4", "--schedule", "constant", "--warmup-epochs", "0"});
    replace_value(arguments, "--batch-size", "64");
    arguments.insert(arguments.end(), more.begin(), more.end());
    REQUIRE(run(folder, arguments).status == 0);
  };
  train("raw", {});
  train("averaged", {"--ema", "0.28"});  // the warm-up reaches it in the third step: 2/11, 3/12, 4/13 > 0.28
  for (int epoch = 1; epoch < 4; ++epoch) {
    const Weights before = weights_of(checkpoint(folder, "averaged", epoch - 1)),
                  now = weights_of(checkpoint(folder, "averaged", epoch)),
                  raw = weights_of(checkpoint(folder, "raw", epoch));
    const double step = epoch + 1, decay = std::min(0.28, (1 + step) / (10 + step));
    REQUIRE(now.size() == raw.size());
    double largest = 0, moved = 0;
    for (const auto& [name, values] : now)
      for (std::size_t i = 0; i < values.size(); ++i) {
        const double expected = decay * static_cast<double>(before.at(name)[i]) +
                                (1 - decay) * static_cast<double>(raw.at(name)[i]);
        largest = std::max(largest, std::abs(static_cast<double>(values[i]) - expected));
        moved = std::max(moved, std::abs(static_cast<double>(values[i] - raw.at(name)[i])));
      }
    CHECK(largest <= 3e-7);  // two roundings of numbers near 1
    CHECK(moved >= 1e-5);
  }
  const engine::SafetensorsFile file(checkpoint(folder, "averaged", 3));
  CHECK(file.metadata().at("ema_decay") == "0.28");
  CHECK(file.metadata().contains("statistics_images"));
  CHECK_FALSE(engine::SafetensorsFile(checkpoint(folder, "raw", 3)).metadata().contains("ema_decay"));
  // The training is the same; only what is validated differs.
  const auto raw = history_of(folder / "raw"), averaged = history_of(folder / "averaged");
  REQUIRE(averaged.size() == 5);
  for (std::size_t row = 1; row < averaged.size(); ++row) {
    CHECK(std::equal(raw[row].begin(), raw[row].begin() + 6, averaged[row].begin()));
    CHECK(raw[row][6] != averaged[row][6]);
  }
  // The evaluation loads the checkpoints: it sees what was validated.
  const auto results = read_text(folder / "averaged/eval.csv");
  for (std::size_t row = 1; row < averaged.size(); ++row)
    CHECK_THAT(results, contains(averaged[row][6].substr(0, 6)));
  CHECK_THAT(run(folder, {"info", checkpoint(folder, "averaged", 3).string()}).output,
             contains("exponential moving average, decay 0.28"));
}

TEST_CASE("With --ema running statistics are those of the averaged weights") {
  TemporaryFolder folder;
  make_phantoms(folder);
  const auto train = [&](const std::string& out, const Arguments& more) {
    REQUIRE(run(folder, with_batch_norm(folder, out, more)).status == 0);
    return checkpoint(folder, out, 2);
  };
  const fs::path raw = train("raw", {}), averaged = train("averaged", {"--ema", "0.9"}),
                 copied = train("copied", {"--ema", "0.9", "--recompute-statistics", "no"});
  CHECK(engine::SafetensorsFile(averaged).metadata().at("statistics_images") != "0");
  CHECK_FALSE(engine::SafetensorsFile(copied).metadata().contains("statistics_images"));
  const Weights of_raw = weights_of(raw, true), of_averaged = weights_of(averaged, true),
                of_copied = weights_of(copied, true);
  REQUIRE(!of_raw.empty());
  for (const auto& [name, values] : of_raw) CHECK(of_averaged.at(name) != values);
  CHECK(of_copied == of_raw);  // as AveragedModel has buffers
  // The training goes on from its own statistics.
  const auto history = history_of(folder / "raw"), of_average = history_of(folder / "averaged");
  for (std::size_t row = 1; row < history.size(); ++row)
    CHECK(std::equal(history[row].begin(), history[row].begin() + 6, of_average[row].begin()));
}

TEST_CASE("A run with --ema that is interrupted ends in the same bytes") {
  TemporaryFolder folder;
  make_phantoms(folder);
  const auto arguments = [&](const std::string& out) {
    return with_batch_norm(folder, out, {"--ema", "0.9", "--epochs", "4", "--log-level", "debug"});
  };
  REQUIRE(run(folder, arguments("undisturbed")).status == 0);
  for (const char* line : {"epoch 1 step 1", "Loss: "}) {
    INFO(line);
    fs::remove_all(folder / "stopped");
    RunSettings settings;
    settings.signal = SIGINT;
    settings.signal_after_line = line;
    const Result stopped = run(folder, arguments("stopped"), settings);
    CHECK((stopped.status == 1 || stopped.status == 0));
    REQUIRE(run(folder, {"train", "--out", (folder / "stopped").string(), "--resume"}).status == 0);
    check_same_results(folder / "undisturbed", folder / "stopped");
  }
  const Result other =
      run(folder, {"train", "--out", (folder / "stopped").string(), "--resume", "--ema", "0.5"});
  CHECK(other.status == 2);
  CHECK_THAT(other.error_line(), contains("--ema (run: 0.9, now: 0.5)"));
}

TEST_CASE("A run with --ema and bf16 that is killed ends in the same bytes") {
  TemporaryFolder folder;
  make_phantoms(folder);
  const auto arguments = [&](const std::string& out) {
    return with_batch_norm(folder, out,
                           {"--ema", "0.9", "--epochs", "3", "--precision", "bf16", "--keep", "1"});
  };
  REQUIRE(run(folder, arguments("undisturbed")).status == 0);
  RunSettings settings;
  settings.signal_after_line = "Epoch 1/2";
  (void)run(folder, arguments("killed"), settings);
  Arguments resumed = arguments("killed");
  resumed.push_back("--resume");
  REQUIRE(run(folder, resumed).status == 0);
  check_same_results(folder / "undisturbed", folder / "killed");
}

TEST_CASE("Work with averaged weights leaves the network as it was, also after an exception") {
  model::ModelSettings settings;
  settings.name = "xray_resnet";
  settings.image_size = 32;
  settings.seed = 3;
  const auto network = model::make_model(settings);
  engine::ParameterArena arena(network->parameters());
  engine::ExponentialMovingAverage average(arena, 0.5);
  arena.values().backend().run(kernels::Fill{.y = arena.values().mutable_view(), .value = 2.0f});
  const auto state = [&] {
    std::vector<std::vector<float>> values;
    for (const engine::NamedTensor& entry : network->state())
      if (entry.tensor.dtype() == engine::DType::f32) values.push_back(entry.tensor.to_host());
    return values;
  };
  const auto before = state();
  const auto spoil = [&] {
    CHECK(state() != before);
    for (const engine::NamedTensor& entry : network->state())
      if (entry.name.ends_with("running_var")) {
        engine::Tensor tensor = entry.tensor;
        tensor.copy_from_host(std::vector<float>(static_cast<std::size_t>(tensor.numel()), 7.0f));
      }
  };
  with_average(average, *network, spoil);
  CHECK(state() == before);
  CHECK_THROWS_AS(with_average(average, *network,
                               [&] {
                                 spoil();
                                 throw Error("stop");
                               }),
                  Error);
  CHECK(state() == before);
}

}  // namespace xr::apps::test
