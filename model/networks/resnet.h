// Residual networks of 18, 34 and 50 layers (He et al. 2016, "Deep residual learning"), with torchvision's names:
// its state dicts fit. 11.7, 21.8 and 25.6 million parameters for 3 channels and 1000 classes. torchvision's 50
// layers have the stride in the 3x3 convolution, as here.
//
//   shape for 3 x 224 x 224       layer
//   64 x 56 x 56                  conv1: 7x7 of stride 2, bn1, ReLU, maxpool: 3x3 of stride 2
//   64 or 256 x 56 x 56           layer1
//   128 or 512 x 28 x 28          layer2, the first block with stride 2
//   256 or 1024 x 14 x 14         layer3
//   512 or 2048 x 7 x 7           layer4
//   512 or 2048, classes          avgpool, drop (the project's own), fc
#pragma once

#include <array>

#include "model/initializer.h"
#include "model/model.h"
#include "model/sequential.h"

namespace xr::model {

/// Blocks in each of the four stages, and of which kind.
struct ResnetDepth {
  std::array<int, 4> blocks;
  bool bottlenecks;
};
inline constexpr ResnetDepth resnet18{{2, 2, 2, 2}, false}, resnet34{{3, 4, 6, 3}, false},
    resnet50{{3, 4, 6, 3}, true};

class Resnet final : public Sequential {
 public:
  Resnet(const ModelSettings& settings, Initializer initializer, const ResnetDepth& depth);
};

}  // namespace xr::model
