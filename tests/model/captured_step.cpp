// A training step that is recorded and replayed gives the same bytes as one that is not.
#include <array>

#include "engine/train/exponential_moving_average.h"
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

constexpr std::int64_t batch_size = 3, size = 16;
/// Between them they have what a captured step must keep: dropout, batch norms, residual sums.
constexpr const char* networks[] = {"report_cnn", "xray_resnet"};

std::vector<Device> devices() {
  std::vector<Device> found = tests::devices_there({"simt", "cuda"});
  std::erase_if(found, [](const Device& device) { return !can_capture(device); });
  return found;
}

/// Trains on images at a fixed place, as a loader on the device gives them; the last batch is smaller.
struct Run {
  Run(const std::string& model, const Device& device, bool capture)
      : network(
            make_model({.name = model, .image_size = size, .dropout = 0.5f, .seed = 5, .device = device})),
        arena(network->parameters()),
        optimizer(arena, {}),
        average(arena, 0.9),
        step(*network, arena, {.capture = capture}),
        source(Tensor::zeros({batch_size, 1, size, size}, {DType::f32, device, {}})),
        images(Tensor::zeros({batch_size, 1, size, size}, {DType::f32, device, {}})),
        targets(
            Tensor::from_host(std::span<const std::int64_t>(std::array<std::int64_t, batch_size>{0, 1, 1}),
                              {batch_size}, device)) {}

  void train(std::int64_t number) {
    const std::int64_t count = number % 4 == 3 ? batch_size - 1 : batch_size;
    const auto rows = [&](const Tensor& all) {
      Shape shape = all.shape();
      shape[0] = count;
      return Tensor::on_storage(all.state()->storage, 0, shape, all.dtype());
    };
    source.copy_from_host(random_tensor(source.shape(), static_cast<std::uint64_t>(number)).to_host());
    const TrainingStep::Result& result = step.run(number, rows(images), rows(targets), [&] {
      images.backend().run(kernels::Scale{.x = source.view(), .y = images.mutable_view(), .factor = 2.0f});
    });
    losses.push_back(result.loss.item());
    logits = result.logits.to_host();
    replays += step.replayed() ? 1 : 0;
    optimizer.step();
    average.update(number + 1);
    if (number % 4 != 3) return;
    average.exchange();  // as at the end of an epoch, for its validation
    average.exchange();
  }

  std::unique_ptr<Module> network;
  ParameterArena arena;
  Adam optimizer;
  ExponentialMovingAverage average;
  TrainingStep step;
  Tensor source, images, targets;
  std::vector<float> losses, logits;
  int replays = 0;
};

}  // namespace

TEST_CASE("the images of a captured step are large enough for its networks") {
  for (const std::string name : networks) {
    CAPTURE(name);
    ModelSettings settings;
    settings.name = name;
    CHECK(min_image_size(settings) <= size);
  }
}

TEST_CASE("a replayed training step gives the same bytes as its operations") {
  for (const Device& device : devices())
    for (const std::string name : networks) {
      if (device.to_string() == "simt" && name != "report_cnn") continue;  // the others take a minute there
      CAPTURE(device.to_string(), name);
      Run plain(name, device, false), captured(name, device, true);
      for (std::int64_t i = 0; i < 8; ++i) {
        plain.train(i);
        captured.train(i);
        CHECK(captured.logits == plain.logits);
      }
      CHECK(captured.losses == plain.losses);
      CHECK(plain.replays == 0);
      CHECK(captured.replays == 5);  // of 8: not the first, nor the two smaller ones
      const std::vector<NamedTensor> left = plain.network->state(), right = captured.network->state();
      REQUIRE(left.size() == right.size());
      for (std::size_t i = 0; i < left.size(); ++i) {
        CAPTURE(left[i].name);
        CHECK(same_bytes(left[i].tensor, right[i].tensor));  // num_batches_tracked, too
      }
      const std::vector<NamedTensor> averages = plain.average.state(), replayed = captured.average.state();
      for (std::size_t i = 0; i < averages.size(); ++i)
        CHECK(same_bytes(averages[i].tensor, replayed[i].tensor));
    }
}

TEST_CASE("a training step overwrites the gradients of the one before") {
  for (const Device& device : tests::devices_there({"cpu", "simt", "cuda"})) {
    CAPTURE(device.to_string());
    const auto network = make_model({.name = "report_cnn", .image_size = size, .seed = 5, .device = device});
    ParameterArena arena(network->parameters());
    TrainingStep step(*network, arena, {});
    const Tensor images =
        Tensor::from_host(std::span<const float>(random_tensor({batch_size, 1, size, size}, 1).to_host()),
                          {batch_size, 1, size, size}, device);
    const Tensor targets = Tensor::from_host(
        std::span<const std::int64_t>(std::array<std::int64_t, batch_size>{0, 1, 1}), {batch_size}, device);
    const auto gradients = [&] {
      step.run(0, images, targets);
      std::vector<std::vector<float>> found;
      for (const NamedTensor& parameter : network->parameters())
        found.push_back(parameter.tensor.grad().to_host());
      return found;
    };
    const auto first = gradients();
    CHECK(gradients() == first);
    CHECK(gradients() == first);  // replayed, where the device can
  }
}
