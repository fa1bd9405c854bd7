#include "model/networks/densenet.h"

#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "engine/core/trace.h"
#include "engine/ops/channel_stack.h"
#include "engine/ops/concat_channels.h"
#include "model/layers/avg_pool2d.h"
#include "model/layers/batch_norm2d.h"
#include "model/layers/conv2d.h"
#include "model/layers/dropout.h"
#include "model/layers/global_avg_pool2d.h"
#include "model/layers/linear.h"
#include "model/layers/max_pool2d.h"

namespace xr::model {

namespace {

constexpr std::int64_t growth = 32, bottleneck = 4 * growth;

Conv2dOptions convolution(std::int64_t kernel, std::int64_t stride = 1) {
  return {.kernel = kernel,
          .stride = stride,
          .padding = kernel / 2,
          .bias = false,
          .weights = ConvolutionWeights::fan_in};
}

/// x and behind its channels 32 new ones: conv2(relu(norm2(conv1(relu(norm1(x)))))).
class DenseLayer final : public Module {
 public:
  DenseLayer(Initializer& initializer, std::int64_t in)
      : norm1_(initializer, in, {.relu = true}),
        conv1_(initializer, in, bottleneck, convolution(1)),
        norm2_(initializer, bottleneck, {.relu = true}),
        conv2_(initializer, bottleneck, growth, convolution(3)) {
    register_module("norm1", norm1_);
    register_module("conv1", conv1_);
    register_module("norm2", norm2_);
    register_module("conv2", conv2_);
  }

  [[nodiscard]] Shape output_shape(const Shape& x) const override {
    Shape y = conv2_.output_shape(norm2_.output_shape(conv1_.output_shape(norm1_.output_shape(x))));
    y[1] += x[1];
    return y;
  }

  /// Its channels behind those of a stack.
  void append_to(engine::ChannelStack& stack) {
    stack.append(conv2_(norm2_(conv1_(norm1_.normalise(stack)))));
  }

 private:
  [[nodiscard]] Tensor forward(const Tensor& x) override {
    return engine::concat_channels(x, conv2_(norm2_(conv1_(norm1_(x)))));
  }

  BatchNorm2d norm1_;
  Conv2d conv1_;
  BatchNorm2d norm2_;
  Conv2d conv2_;
};

/// Its layers' channels lie in one stack. Who looks at single layers, or lists operations, sees concatenations.
class DenseBlock final : public Module {
 public:
  DenseBlock(Initializer& initializer, std::int64_t in, int layers) : out_(in + layers * growth) {
    for (int i = 0; i < layers; ++i) {
      layers_.push_back(std::make_unique<DenseLayer>(initializer, in + i * growth));
      register_module(fmt::format("denselayer{}", i + 1), *layers_.back());
    }
  }

  [[nodiscard]] Shape output_shape(const Shape& x) const override {
    Shape shape = x;
    for (const auto& layer : layers_) shape = layer->output_shape(shape);
    return shape;
  }

 private:
  [[nodiscard]] Tensor forward(const Tensor& x) override {
    if (engine::Trace::active() || below_observed()) {
      Tensor y = x;
      for (const auto& layer : layers_) y = (*layer)(y);
      return y;
    }
    engine::ChannelStack stack(x, out_);
    for (const auto& layer : layers_) layer->append_to(stack);
    return stack.all();
  }
  [[nodiscard]] bool below_observed() const {
    return std::any_of(layers_.begin(), layers_.end(), [](const auto& layer) { return layer->observed(); });
  }

  std::int64_t out_;  // channels
  std::vector<std::unique_ptr<DenseLayer>> layers_;
};

/// Returns the channels of its result.
std::int64_t add_dense_block(Sequential& features, int number, Initializer& initializer, std::int64_t in,
                             int layers) {
  features.add<DenseBlock>(fmt::format("denseblock{}", number), initializer, in, layers);
  return in + layers * growth;
}

std::int64_t add_transition(Sequential& features, int number, Initializer& initializer, std::int64_t in) {
  auto& transition = features.add<Sequential>(fmt::format("transition{}", number));
  transition.add<BatchNorm2d>("norm", initializer, in, BatchNorm2dOptions{.relu = true});
  transition.add<Conv2d>("conv", initializer, in, in / 2, convolution(1));
  transition.add<AvgPool2d>("pool", 2, 2);
  return in / 2;
}

}  // namespace

Densenet121::Densenet121(const ModelSettings& settings, Initializer initializer) {
  auto& features = add<Sequential>("features");
  std::int64_t channels = 64;
  features.add<Conv2d>(
      "conv0", initializer, settings.channels, channels,
      Conv2dOptions{
          .kernel = 7, .stride = 2, .padding = 3, .bias = false, .weights = ConvolutionWeights::fan_in});
  features.add<BatchNorm2d>("norm0", initializer, channels, BatchNorm2dOptions{.relu = true});
  features.add<MaxPool2d>("pool0", 3, 2, 1);
  int number = 0;
  for (const int layers : {6, 12, 24, 16}) {
    if (number > 0) channels = add_transition(features, number, initializer, channels);
    channels = add_dense_block(features, ++number, initializer, channels, layers);
  }
  features.add<BatchNorm2d>("norm5", initializer, channels, BatchNorm2dOptions{.relu = true});
  add<GlobalAvgPool2d>("avgpool");
  add<Dropout>("drop", initializer, settings.dropout);
  add<Linear>("classifier", initializer, channels, settings.classes, true);
}

}  // namespace xr::model
