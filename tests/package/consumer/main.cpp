// A program outside of the project: a small network of its own, trained on random images until it knows them.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <span>
#include <vector>

#include "data/image/image.h"
#include "engine/ops/cross_entropy.h"
#include "engine/train/optimizer.h"
#include "kernels/common/random.h"
#include "model/layers/batch_norm2d.h"
#include "model/layers/conv2d.h"
#include "model/layers/global_avg_pool2d.h"
#include "model/layers/linear.h"
#include "model/sequential.h"

namespace {

using xr::engine::Tensor;

class SmallNetwork final : public xr::model::Sequential {
 public:
  explicit SmallNetwork(xr::model::Initializer initializer) {
    add<xr::model::Conv2d>("convolution", initializer, 1, 8,
                           xr::model::Conv2dOptions{.kernel = 3, .padding = 1});
    add<xr::model::BatchNorm2d>("norm", initializer, 8,
                                xr::model::BatchNorm2dOptions{.relu = true, .max_pool = true});
    add<xr::model::GlobalAvgPool2d>("pool");
    add<xr::model::Linear>("linear", initializer, 8, 2);
  }
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
    const Tensor loss = xr::engine::cross_entropy(network(images), targets);
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
