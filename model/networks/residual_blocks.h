// The blocks of residual networks (He et al. 2016, "Deep residual learning"), named as in torchvision.
#pragma once

#include <memory>
#include <string>

#include "model/layers/batch_norm2d.h"
#include "model/layers/conv2d.h"
#include "model/sequential.h"

namespace xr::model {

/// Without bias, padded by half a window, from He's normal distribution by the number of outputs.
[[nodiscard]] Conv2dOptions residual_convolution(std::int64_t kernel, std::int64_t stride);

/// Null where the input can be added as it is: one stride and as many channels; else a 1x1 convolution and its batch
/// norm.
[[nodiscard]] std::unique_ptr<Sequential> make_downsample(Initializer& initializer, std::int64_t in,
                                                          std::int64_t out, std::int64_t stride);

/// Two 3x3 convolutions, the first with the stride: relu(bn2(conv2(relu(bn1(conv1(x))))) + downsample(x)).
class BasicBlock final : public Module {
 public:
  static constexpr std::int64_t expansion = 1;  ///< channels of the result for each of `width`

  BasicBlock(Initializer& initializer, std::int64_t in, std::int64_t width, std::int64_t stride);
  [[nodiscard]] Shape output_shape(const Shape& x) const override;

 private:
  [[nodiscard]] Tensor forward(const Tensor& x) override;

  Conv2d conv1_;
  BatchNorm2d bn1_;
  Conv2d conv2_;
  BatchNorm2d bn2_;
  std::unique_ptr<Sequential> downsample_;
};

/// 1x1 to `width` channels, 3x3 with the stride, 1x1 to 4 `width` channels; ReLU after each, after the sum at last.
class Bottleneck final : public Module {
 public:
  static constexpr std::int64_t expansion = 4;

  Bottleneck(Initializer& initializer, std::int64_t in, std::int64_t width, std::int64_t stride);
  [[nodiscard]] Shape output_shape(const Shape& x) const override;

 private:
  [[nodiscard]] Tensor forward(const Tensor& x) override;

  Conv2d conv1_;
  BatchNorm2d bn1_;
  Conv2d conv2_;
  BatchNorm2d bn2_;
  Conv2d conv3_;
  BatchNorm2d bn3_;
  std::unique_ptr<Sequential> downsample_;
};

/// Appends `count` blocks as one module, the first with the stride. Returns the channels of their result.
template <class Block>
std::int64_t add_stage(Sequential& network, const std::string& name, Initializer& initializer,
                       std::int64_t in, std::int64_t width, std::int64_t stride, int count) {
  auto& stage = network.add<Sequential>(name);
  for (int i = 0; i < count; ++i) {
    stage.add<Block>(std::to_string(i), initializer, in, width, i == 0 ? stride : 1);
    in = width * Block::expansion;
  }
  return in;
}

}  // namespace xr::model
