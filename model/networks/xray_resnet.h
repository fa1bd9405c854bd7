// The default network: a small residual network (He et al. 2016, "Deep residual learning") with global
// average pooling, 2.8 million parameters.
//
//   shape for 1 x 224 x 224   layer
//   32 x 56 x 56              conv1: 5x5 of stride 2, bn1, ReLU, 2x2 max pooling
//   32 x 56 x 56              layer1: two blocks of two 3x3 convolutions
//   64 x 28 x 28              layer2: the same, the first with stride 2 and a 1x1 convolution beside it
//   128 x 14 x 14             layer3
//   256 x 7 x 7               layer4
//   256, classes              avgpool: mean over the image, drop, fc
#pragma once

#include "model/initializer.h"
#include "model/model.h"
#include "model/sequential.h"

namespace xr::model {

class XrayResnet final : public Sequential {
 public:
  XrayResnet(const ModelSettings& settings, Initializer initializer);
};

}  // namespace xr::model
