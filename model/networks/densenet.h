// densenet121 (Huang et al. 2017, "Densely connected convolutional networks"), with torchvision's names: its state
// dicts fit, and TorchXRayVision's with 1 channel and 18 classes. 7,978,856 parameters for 3 channels and 1000
// classes.
//
//   shape for 3 x 224 x 224       layer
//   64 x 56 x 56                  features.conv0: 7x7 of stride 2, norm0, ReLU, pool0: 3x3 of stride 2
//   256 x 56 x 56, 128 x 28 x 28  denseblock1 of 6 layers, transition1: 1x1 convolution, 2x2 average pooling
//   512 x 28 x 28, 256 x 14 x 14  denseblock2 of 12 layers, transition2
//   1024 x 14 x 14, 512 x 7 x 7   denseblock3 of 24 layers, transition3
//   1024 x 7 x 7                  denseblock4 of 16 layers, norm5, ReLU
//   1024, classes                 avgpool, drop (the project's own), classifier
#pragma once

#include "model/initializer.h"
#include "model/model.h"
#include "model/sequential.h"

namespace xr::model {

class Densenet121 final : public Sequential {
 public:
  Densenet121(const ModelSettings& settings, Initializer initializer);
};

}  // namespace xr::model
