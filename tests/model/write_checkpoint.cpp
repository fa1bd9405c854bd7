// write_checkpoint FOLDER CHANNELS PADDING CLASSES: trains report_cnn a few steps on random images and writes
// checkpoint.safetensors, input.safetensors and logits.safetensors, for tests/golden/check_checkpoint.py.
#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "engine/core/autograd.h"
#include "engine/io/safetensors.h"
#include "engine/ops/cross_entropy.h"
#include "engine/train/optimizer.h"
#include "kernels/common/random.h"
#include "model/model.h"

namespace {

using namespace xr;
using engine::Tensor;

Tensor random_images(const model::ModelSettings& settings, std::int64_t count) {
  Philox random(settings.seed, 1000);
  std::vector<float> pixels(
      static_cast<std::size_t>(count * settings.channels * settings.image_size * settings.image_size));
  for (float& pixel : pixels) pixel = random.uniform();
  return Tensor::from_host(std::span<const float>(pixels),
                           {count, settings.channels, settings.image_size, settings.image_size});
}

void write_checkpoint(const std::filesystem::path& folder, const model::ModelSettings& settings) {
  const auto network = model::make_model(settings);
  engine::ParameterArena arena(network->parameters());
  engine::Adam adam(arena, {});
  const Tensor images = random_images(settings, 6);
  std::vector<std::int64_t> classes;
  for (std::int64_t i = 0; i < 6; ++i) classes.push_back(i % settings.classes);
  const Tensor labels = Tensor::from_host(std::span<const std::int64_t>(classes), {6});
  for (std::int64_t step = 0; step < 3; ++step) {
    network->set_step(step);
    arena.zero_grad();
    engine::cross_entropy((*network)(images), labels).backward();
    adam.step();
  }
  network->set_training(false);
  const engine::NoGradGuard no_grad;
  engine::save_safetensors(folder / "checkpoint.safetensors", network->state(),
                           {{"padding", std::to_string(settings.padding)}});
  engine::save_safetensors(folder / "input.safetensors", {{"input", images}});
  engine::save_safetensors(folder / "logits.safetensors", {{"logits", (*network)(images)}});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: write_checkpoint FOLDER CHANNELS PADDING CLASSES\n");
    return 2;
  }
  try {
    model::ModelSettings settings;
    settings.name = "report_cnn";
    settings.channels = std::stoll(argv[2]);
    settings.padding = std::stoll(argv[3]);
    settings.classes = std::stoll(argv[4]);
    settings.image_size = 30;
    settings.seed = 5;
    write_checkpoint(argv[1], settings);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "write_checkpoint: %s\n", error.what());
    return 1;
  }
  return 0;
}
