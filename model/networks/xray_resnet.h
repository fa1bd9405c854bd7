// The default network: a small residual network (He et al. 2016, "Deep residual learning") with global
// average pooling, 2.8 million parameters.
//
//   shape for 1 x 224 x 224   layer
//   32 x 56 x 56              conv1: 5x5 of stride 2, bn1, ReLU, 2x2 max pooling
//   32 x 56 x 56              layer1: two blocks of two 3x3 convolutions
//   64 x 28 x 28              layer2: the same, the first with stride 2 and a 1x1 convolution beside it
//   128 x 14 x 14             layer3
//   256 x 7 x 7               layer4
//   256, classes              mean over the image, Dropout, fc
#pragma once

#include <array>
#include <memory>

#include "model/layers.h"
#include "model/model.h"

namespace xr::model {

class XrayResnet final : public Module {
 public:
  explicit XrayResnet(const ModelSettings& settings);
  [[nodiscard]] Tensor forward(const Tensor& x) override;

 private:
  // The 1x1 convolution and its normalisation, members 0 and 1 of "downsample".
  struct Shortcut final : Module {
    Shortcut(Initializer& initializer, std::int64_t in, std::int64_t out, std::int64_t stride);
    [[nodiscard]] Tensor forward(const Tensor& x) override;
    Conv2d conv;
    BatchNorm2d norm;
  };
  struct BasicBlock final : Module {
    BasicBlock(Initializer& initializer, std::int64_t in, std::int64_t out, std::int64_t stride);
    [[nodiscard]] Tensor forward(const Tensor& x) override;
    Conv2d conv1;
    BatchNorm2d bn1;
    Conv2d conv2;
    BatchNorm2d bn2;
    std::unique_ptr<Shortcut> downsample;
  };
  struct Stage final : Module {
    Stage(Initializer& initializer, std::int64_t in, std::int64_t out, std::int64_t stride);
    [[nodiscard]] Tensor forward(const Tensor& x) override;
    BasicBlock first, second;
  };
  Initializer initializer_;
  Conv2d conv1_;
  BatchNorm2d bn1_;
  Stage layer1_, layer2_, layer3_, layer4_;
  Dropout drop_;
  Linear fc_;
};

}  // namespace xr::model
