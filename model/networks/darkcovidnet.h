// darkcovidnet (Ozturk et al. 2020, "Automated detection of COVID-19 cases using deep neural networks with X-ray
// images"), with the names of its authors' Sequential: 17 convolutions, 1,164,434 parameters for 3 channels, 2
// classes and images of 256 x 256. Its 1x1 convolutions have a padding of 1, so that images grow by 2 there; the last
// convolution has as many channels as there are classes, and its ReLU before the batch norm.
//
//   shape for 3 x 256 x 256   layer
//   8 x 128 x 128             0: 3x3, 1: 2x2 max pooling
//   16 x 64 x 64              2: 3x3, 3: pooling
//   32 x 33 x 33              4: 3x3, 1x1 to 16, 3x3; 5: pooling
//   64 x 17 x 17              6: the same, 7: pooling
//   128 x 9 x 9               8: the same, 9: pooling
//   256 x 11 x 11             10: the same
//   128, 256 x 13 x 13        11: 1x1, 12: 3x3
//   classes x 13 x 13         13: 3x3, ReLU, batch norm
//   classes                   14: Flatten, drop (the project's own), 15: Linear
#pragma once

#include "model/initializer.h"
#include "model/model.h"
#include "model/sequential.h"

namespace xr::model {

class Darkcovidnet final : public Sequential {
 public:
  Darkcovidnet(const ModelSettings& settings, Initializer initializer);
};

}  // namespace xr::model
