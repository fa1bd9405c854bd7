// A program outside of the project: a small network of its own, trained on random images until it knows them.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <span>
#include <vector>

#include "data/image/image.h"
#include "engine/ops/cross_entropy.h"
#include "engine/ops/global_avg_pool2d.h"
#include "engine/train/optimizer.h"
#include "kernels/common/random.h"
#include "model/layers.h"

namespace {

using xr::engine::Tensor;

class SmallNetwork final : public xr::model::Module {
 public:
  explicit SmallNetwork(xr::model::Initializer initializer)
      : convolution_(initializer, 1, 8, {.kernel = 3, .padding = 1}),
        norm_(initializer.device, 8),
        linear_(initializer, 8, 2) {
    register_module("convolution", convolution_);
    register_module("norm", norm_);
    register_module("linear", linear_);
  }

  [[nodiscard]] Tensor forward(const Tensor& x) override {
    const Tensor features = norm_.forward_relu(convolution_.forward(x), true);
    return linear_.forward(xr::engine::global_avg_pool2d(features));
  }

 private:
  xr::model::Conv2d convolution_;
  xr::model::BatchNorm2d norm_;
  xr::model::Linear linear_;
};

// Noise, a little brighter in class 1, through the data library: 16 grey images of 12 x 12.
Tensor random_images(const std::vector<std::int64_t>& labels) {
  xr::Philox random(1, 0);
  std::vector<float> values;
  for (const std::int64_t label : labels) {
    xr::data::Image image{12, 12, 1, std::vector<std::uint8_t>(12 * 12)};
    for (auto& pixel : image.pixels)
      pixel = static_cast<std::uint8_t>(random.uniform() * 200 + static_cast<float>(label) * 50);
    const xr::data::Image decoded = xr::data::decode_image(xr::data::encode_png(image), 1);
    for (const auto pixel : decoded.pixels) values.push_back(static_cast<float>(pixel) / 255);
  }
  return Tensor::from_host(std::span<const float>(values),
                           {static_cast<std::int64_t>(labels.size()), 1, 12, 12});
}

int train() {
  std::vector<std::int64_t> labels(16);
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int64_t>(i % 2);
  const Tensor images = random_images(labels);
  const Tensor targets = Tensor::from_host(std::span<const std::int64_t>(labels), {16});

  SmallNetwork network({.seed = 1});
  xr::engine::ParameterArena arena(network.parameters());
  xr::engine::Adam optimizer(arena, {.learning_rate = 0.05f});
  float first = 0, last = 0;
  for (int step = 0; step < 40; ++step) {
    network.set_step(step);
    const Tensor loss = xr::engine::cross_entropy(network.forward(images), targets);
    optimizer.zero_grad();
    loss.backward();
    optimizer.step();
    last = loss.item();
    if (step == 0) first = last;
  }
  std::printf("loss %.4f -> %.4f\n", static_cast<double>(first), static_cast<double>(last));
  return last < 0.5f * first ? 0 : 1;  // NaN fails, too
}

}  // namespace

int main() {
  try {
    return train();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
