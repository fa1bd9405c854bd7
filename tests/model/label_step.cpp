// A training step on targets of several labels.
#include <array>
#include <cmath>
#include <limits>

#include "engine/train/optimizer.h"
#include "model/model.h"
#include "model/training_step.h"
#include "tests/devices.h"
#include "tests/engine/support.h"

using namespace xr;
using namespace xr::model;
using namespace xr::engine;
using namespace xr::engine::test;

namespace {

constexpr std::int64_t images_in_batch = 3, label_count = 4, side = 16;
constexpr float unknown = std::numeric_limits<float>::quiet_NaN();
constexpr std::array<float, images_in_batch * label_count> some_unknown{1, 0,       unknown, 1, 0, 0,
                                                                        1, unknown, unknown, 1, 1, 0};

struct LabelRun {
  LabelRun(const Device& device, bool capture, const std::vector<float>& weights = {})
      : network(make_model(
            {.name = "report_cnn", .image_size = side, .classes = label_count, .seed = 5, .device = device})),
        arena(network->parameters()),
        optimizer(arena, {}),
        step(*network, arena,
             {.class_weights =
                  weights.empty() ? Tensor{}
                                  : Tensor::from_host(std::span<const float>(weights), {label_count}, device),
              .capture = capture}),
        images(random_tensor({images_in_batch, 1, side, side}, 1, device)) {}

  const TrainingStep::Result& run(std::int64_t number, std::span<const float> values) {
    if (!targets.defined())
      targets = Tensor::from_host(values, {images_in_batch, label_count}, images.device());
    const TrainingStep::Result& result = step.run(number, images, targets);
    optimizer.step();
    return result;
  }

  std::unique_ptr<Module> network;
  ParameterArena arena;
  Adam optimizer;
  TrainingStep step;
  Tensor images, targets;
};

/// The mean over known targets, positive ones weighted.
double mean_loss(const std::vector<float>& logits, std::span<const float> targets,
                 const std::vector<float>& weights) {
  double sum = 0, known = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (std::isnan(targets[i])) continue;
    const double x = logits[i], weight = weights.empty() ? 1.0 : weights[i % label_count];
    sum += targets[i] > 0 ? weight * std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
    ++known;
  }
  return sum / known;
}

}  // namespace

TEST_CASE("a step on targets takes the mean binary cross-entropy of the known ones") {
  for (const Device& device : tests::devices_there({"cpu", "simt", "cuda"}))
    for (const std::vector<float>& weights : {std::vector<float>{}, std::vector<float>{2, 0.5f, 3, 1}}) {
      LabelRun run(device, false, weights);
      const TrainingStep::Result& result = run.run(0, some_unknown);
      const std::vector<float> logits = result.logits.to_host();
      CHECK(std::abs(static_cast<double>(result.loss.item()) - mean_loss(logits, some_unknown, weights)) <=
            1e-5);
    }
}

TEST_CASE("steps on targets learn them, and a recorded step gives the same bytes") {
  for (const Device& device : tests::devices_there({"cpu", "simt", "cuda"})) {
    const int steps = device.type == kernels::DeviceType::cpu ? 12 : 4;
    std::vector<float> losses[2];
    for (const bool capture : {false, true}) {
      LabelRun run(device, capture);
      for (int i = 0; i < steps; ++i) losses[capture].push_back(run.run(i, some_unknown).loss.item());
    }
    CHECK(losses[0] == losses[1]);
    if (steps > 4) CHECK(losses[0].back() < 0.8f * losses[0].front());
  }
}

TEST_CASE("a batch of unknown targets changes no gradient") {
  constexpr std::array<float, images_in_batch * label_count> none{unknown, unknown, unknown, unknown,
                                                                  unknown, unknown, unknown, unknown,
                                                                  unknown, unknown, unknown, unknown};
  for (const Device& device : tests::devices_there({"cpu", "simt", "cuda"})) {
    LabelRun run(device, false);
    const Tensor targets =
        Tensor::from_host(std::span<const float>(none), {images_in_batch, label_count}, device);
    CHECK(run.step.run(0, run.images, targets).loss.item() == 0.0f);
    for (const NamedTensor& parameter : run.network->parameters())
      for (const float value : parameter.tensor.grad().to_host()) REQUIRE(value == 0.0f);
  }
}
